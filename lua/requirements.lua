-- The catalogue of requirements: parses suites/requirements.tsv.
local resources = require "h2probe.resources"

local requirements = {}

local COLUMNS = { "id", "level", "on", "statement", "observable", "how", "role", "h2spec", "note" }

local function split(line, separator)
  local parts, from = {}, 1
  while true do
    local at = line:find(separator, from, true)
    if not at then
      parts[#parts + 1] = line:sub(from)
      return parts
    end
    parts[#parts + 1] = line:sub(from, at - 1)
    from = at + 1
  end
end

local function row_of(line, number)
  local parts = split(line, "\t")
  if #parts > #COLUMNS or #parts < 4 then
    return nil, ("requirements.tsv:%d: %d columns instead of %d"):format(number, #parts, #COLUMNS)
  end
  local row = { line = number }
  for i, name in ipairs(COLUMNS) do
    row[name] = parts[i] or ""
  end
  row.soft = row.note:find("^%s*%[soft%]") ~= nil
  return row
end

--- Text of the catalogue to rows, by id and in order (positions 1..n).
function requirements.parse(text)
  local rows, number = {}, 0
  for line in text:gmatch("([^\r\n]*)\r?\n?") do
    number = number + 1
    if number > 1 and line ~= "" then
      local row, message = row_of(line, number)
      if not row then
        return nil, message
      end
      if rows[row.id] then
        return nil, ("requirements.tsv:%d: %s is there twice"):format(number, row.id)
      end
      rows[row.id] = row
      rows[#rows + 1] = row
    end
  end
  return rows
end

--- True for a row that can only warn: a SHOULD, a MAY, or one marked [soft].
function requirements.gentle(row)
  return row ~= nil and (row.soft or (row.level ~= "MUST" and row.level ~= "MUST NOT"))
end

--- The RFC's number and section in a requirement id: "RFC9113-6.5.2-7" gives "9113", "6.5.2".
function requirements.section(id)
  local rfc, rest = id:match("^RFC(%d+)%-(.+)$")
  if not rfc then
    return nil
  end
  return rfc, rest:match("^(.+)%-[^-]+$") or rest
end

local loaded

--- The catalogue of this build; read once.
function requirements.load()
  if not loaded then
    local text, message = resources.read "suites/requirements.tsv"
    if not text then
      return nil, message
    end
    loaded, message = requirements.parse(text)
    if not loaded then
      return nil, message
    end
  end
  return loaded
end

return requirements
