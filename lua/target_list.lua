-- The file of --targets: a URL on each line, and after it a name for reports, if it is to have one. Text behind # is for people.
local resources = require "h2probe.resources"
local url = require "h2probe.url"

local target_list = {}

local MAX <const> = 10000

-- A name that is fit for a file.
local function slug_of(text)
  return (text:gsub("^%a+://", ""):gsub("/$", ""):gsub("[^%w._-]+", "-"):gsub("^%-+", ""):gsub("%-+$", ""))
end

local function target_of(words)
  local parsed, message = url.parse(words[1])
  if not parsed then
    return nil, ("'%s' is not a URL of a target: %s"):format(words[1], message)
  elseif words[3] then
    return nil, ("'%s' is one word too many: a line is a URL and a name"):format(words[3])
  end
  local label = words[2] or url.text(parsed)
  local slug = slug_of(label)
  if slug == "" then
    return nil, ("'%s' has nothing that can be the name of a file"):format(label)
  end
  return { url = words[1], label = label, slug = slug }
end

local function split(line)
  local words = {}
  for word in line:gsub("^#.*", ""):gsub("%s#.*", ""):gmatch "%S+" do
    words[#words + 1] = word
  end
  return words
end

--- { { url =, label =, slug = }, ... } of a file's text, or nil and one line with file and line.
function target_list.parse(text, path)
  local list, taken, number = {}, {}, 0
  for line in text:gmatch "([^\n]*)\n?" do
    number = number + 1
    local words = split(line)
    if words[1] then
      local target, message = target_of(words)
      local twin = target and taken[target.slug]
      if twin then
        message = ("'%s' is named like line %d: say another name behind the URL"):format(words[1], twin)
      elseif #list == MAX then
        message = ("more than %d targets"):format(MAX)
      end
      if message then
        return nil, ("%s:%d: %s"):format(path, number, message)
      end
      taken[target.slug] = number
      list[#list + 1] = target
    end
  end
  if #list == 0 then
    return nil, path .. ": it names no target"
  end
  return list
end

--- The same of a file.
function target_list.read(path)
  local text, message = resources.file(path)
  if not text then
    return nil, "--targets: " .. message
  end
  return target_list.parse(text, path)
end

return target_list
