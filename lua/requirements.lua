-- The catalogue of requirements: parses suites/requirements.tsv.
local resources = require "h2probe.resources"

local requirements = {}

local ROW <const> = "^" .. ("([^\t]*)\t"):rep(8) .. "([^\t]*)$"

local function row_of(line, number)
  local id, level, on, statement, observable, how, role, h2spec, note = line:match(ROW)
  if not id then
    return nil, ("requirements.tsv:%d: %d columns instead of 9"):format(number, select(2, line:gsub("\t", "")) + 1)
  end
  return { line = number, id = id, level = level, on = on, statement = statement, observable = observable, how = how,
    role = role, h2spec = h2spec, note = note, soft = note:find("^%s*%[soft%]") ~= nil }
end

--- Text of the catalogue to rows, by id and in order (positions 1..n). Every run begins with it: it has to be quick.
function requirements.parse(text)
  local rows, number, from = {}, 0, 1
  while from <= #text do
    local at = text:find("\n", from, true) or #text + 1
    local line = text:sub(from, at - 1)
    number, from = number + 1, at + 1
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
