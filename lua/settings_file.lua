-- The settings file, h2probe.lua or --config FILE: everything that options say, where the command line does not say it.
--
-- Keys and what they may be come from the options of the commands (args_commands): there is no second list.
local args = require "h2probe.args"
local data_file = require "h2probe.data_file"
local selection = require "h2probe.selection"
local url = require "h2probe.url"

local settings_file = {}

settings_file.DEFAULT = "h2probe.lua"

local NO_FILE <const> = 2 -- ENOENT
-- About the process or the file itself.
local NOT_HERE <const> = { help = true, root = true, config = true, no_config = true }
local MAX_MISTAKES <const> = 20

-- Keys --------------------------------------------------------------------------------------------------------

local function long_of(option)
  for _, alias in ipairs(option._aliases) do
    if alias:find "^%-%-" then
      return alias
    end
  end
end

--- The keys of all commands that take settings: { [key] = { target, [command] = option } }; an option that has another
-- name in the results of argparse is known by both.
function settings_file.keys()
  local keys = {}
  for _, command in ipairs(args.parser()._commands) do
    for _, option in ipairs(args.TAKES_SETTINGS[command._name] and command._options or {}) do
      local name = long_of(option):sub(3):gsub("-", "_")
      local target = option._target or name
      if not NOT_HERE[name] then
        local key = keys[target] or { target = target, option = option }
        key[command._name] = option
        keys[target], keys[name] = key, key
      end
    end
  end
  return keys
end

local function unknown(key, keys)
  local names = { "url" }
  for name in pairs(keys) do
    names[#names + 1] = name
  end
  table.sort(names)
  local near = type(key) == "string" and selection.nearest(key, names)
  return ("unknown setting %s%s"):format(data_file.shown(key), near and (" (did you mean '%s'?)"):format(near)
    or ": h2probe run --help shows the options")
end

-- Values ------------------------------------------------------------------------------------------------------

-- As it would stand on a command line.
local function text_of(value)
  if math.type(value) == "float" then
    return ("%.14g"):format(value)
  end
  return type(value) == "string" and value or math.type(value) == "integer" and tostring(value) or nil
end

local function converted(option, value)
  local text = text_of(value)
  if not text then
    return nil, ("%s is neither a text nor a number"):format(data_file.shown(value))
  end
  local result, message = option._convert(text)
  return result, message and message:gsub("^%-%-[%w-]+: ", "")
end

local function list_of(option, value)
  local given, list = type(value) == "table" and value or { value }, {}
  for key in pairs(given) do
    if math.type(key) ~= "integer" or key < 1 or key > #given then
      return nil, ("it is a list of values, without a key %s"):format(data_file.shown(key))
    end
  end
  for i, entry in ipairs(given) do
    local message
    list[i], message = converted(option, entry)
    if list[i] == nil then
      return nil, message
    end
  end
  return list
end

-- The value as argparse would have it, or nil and what is wrong.
local function value_of(option, value)
  if option._maxargs == 0 then
    if type(value) ~= "boolean" then
      return nil, ("it is true or false, not %s"):format(data_file.shown(value))
    end
    return value
  elseif option._maxcount > 1 then
    return list_of(option, value)
  elseif type(value) == "table" then
    return nil, "it takes one value, not a table"
  end
  return converted(option, value)
end

-- Files -------------------------------------------------------------------------------------------------------

-- What the file says, { [name] = value }, and where: line_of(name); or nil and one line.
local function read(path, text)
  local loaded, message = data_file.load(path, text)
  if not loaded then
    return nil, message
  end
  local keys = loaded.positions.keys[1] or {}
  if type(loaded.returned) == "table" and next(loaded.assigned) then
    return nil, ("%s: settings are either assigned or returned in a table, not both"):format(path)
  elseif type(loaded.returned) == "table" then
    return loaded.returned, function(name) return keys[name] or 1 end
  elseif loaded.returned ~= nil then
    return nil, ("%s: it returns %s, no table of settings"):format(path, data_file.shown(loaded.returned))
  end
  return loaded.assigned, function(name) return loaded.lines[name] end
end

-- The URL of the target, where the command has none.
local function set_url(options, value)
  if type(value) ~= "string" or not url.looks_like(value) then
    return ("%s is no URL: it starts with https:// or http://"):format(data_file.shown(value))
  end
  for _, word in ipairs(options.words) do
    if url.looks_like(word) then
      return nil
    end
  end
  if options.command ~= "client" then
    table.insert(options.words, value)
  end
end

local function set(options, value, key, origin)
  local option = key[options.command] or key.option
  local result, message = value_of(option, value)
  if result == nil then
    return message
  end
  if key[options.command] and not options.given[key.target] then
    options[key.target] = result or nil
    options.origins[key.target], options.origins[long_of(option)] = origin, origin
  end
end

-- Every setting, in the order of the lines, and what is wrong with them.
local function set_all(options, path, said, line_of)
  local keys, mistakes, names, by_target = settings_file.keys(), {}, {}, {}
  for name in pairs(said) do
    names[#names + 1] = { name = name, line = line_of(name), shown = tostring(name) }
  end
  table.sort(names, function(a, b)
    if a.line ~= b.line then
      return a.line < b.line
    end
    return a.shown < b.shown
  end)
  for _, one in ipairs(names) do
    local name = one.name
    local key = type(name) == "string" and keys[(name:gsub("-", "_"))]
    local where = ("%s:%d: %s"):format(path, one.line, args.printable(one.shown))
    local message
    if name == "url" then
      message = set_url(options, said[name])
    elseif not key then
      message, where = unknown(name, keys), ("%s:%d"):format(path, one.line)
    elseif by_target[key.target] then
      message = ("it is the same as %s in line %d"):format(by_target[key.target].shown, by_target[key.target].line)
    else
      by_target[key.target] = one
      message = set(options, said[name], key, where)
    end
    mistakes[#mistakes + 1] = message and #mistakes < MAX_MISTAKES and ("%s: %s"):format(where, message) or nil
  end
  return mistakes
end

--- Adds what the settings file says to options (of args.parse); true, or nil and a list of lines. Parks.
function settings_file.apply(options)
  options.origins = {}
  if options.no_config and options.config then
    return nil, { "--config and --no-config exclude each other" }
  elseif options.no_config then
    return true
  end
  local path = options.config or settings_file.DEFAULT
  local text, message, code = data_file.text(path)
  if not text and not options.config and code == NO_FILE then
    return true
  elseif not text then
    return nil, { (options.config and "--config: " or "") .. message }
  end
  local said, line_of = read(path, text)
  if not said then
    return nil, { line_of }
  end
  local mistakes = set_all(options, path, said, line_of)
  if #mistakes > 0 then
    return nil, mistakes
  end
  options.settings_file = path
  return true
end

--- A message about an option ("--report: ..."), with the line of the settings file where it comes from there.
function settings_file.located(options, message)
  local long = message:match "^%-%-[%w-]+"
  local origin = long and options.origins and options.origins[long]
  return origin and origin .. message:sub(#long + 1) or message
end

return settings_file
