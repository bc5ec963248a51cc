-- Which cases and modes of an earlier run did not pass (--rerun-failed RESULTS.json).
local dkjson = require "dkjson"

local rerun = {}

local MAX_FILE <const> = 1 << 30
local FAILED <const> = { fail = true, error = true, inconclusive = true }

local function is_results(all)
  if type(all) ~= "table" or type(all.results) ~= "table" then
    return false
  end
  for _, result in ipairs(all.results) do
    if type(result) ~= "table" or type(result.id) ~= "string" or type(result.mode) ~= "string"
      or type(result.verdict) ~= "string" then
      return false
    end
  end
  return all.schema ~= nil
end

local function text_of(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local text, problem = file:read(MAX_FILE)
  file:close()
  return text or (not problem and "") or nil, problem and path .. ": " .. problem
end

-- A finding of the watchman is looked for in the case in whose traffic it was seen.
local function case_of(result)
  return result.id:find "^watch/" and (type(result.seen_in) == "string" and result.seen_in or false) or result.id
end

--- { wanted = { [id] = { [mode] = true } }, count = } of a result file, or nil and one line.
function rerun.load(path, strict)
  local text, message = text_of(path)
  if not text then
    return nil, message
  end
  local read, all = pcall(dkjson.decode, text) -- what is nested deeply overflows its stack
  if not read or not is_results(all) then
    return nil, ("%s: it is no result file of h2probe (--report json=FILE writes one)"):format(path)
  elseif all.schema ~= 1 then
    return nil, ("%s: it was written by another version of h2probe (schema %s)"):format(path, tostring(all.schema))
  end
  local wanted, count = {}, 0
  for _, result in ipairs(all.results) do
    local bad = FAILED[result.verdict] or (strict and result.verdict == "warn")
    local id = bad and not result.expected_failure and case_of(result)
    if id then
      wanted[id] = wanted[id] or {}
      count = count + (wanted[id][result.mode] and 0 or 1)
      wanted[id][result.mode] = true
    end
  end
  return { wanted = wanted, count = count }
end

return rerun
