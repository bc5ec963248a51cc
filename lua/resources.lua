-- Files of the product: embedded in the binary, or from a source tree (H2PROBE_ROOT, --root).
local engine = require "h2probe.engine"

local resources = {}

--- The text of a file by its name in the source tree ("suites/requirements.tsv").
function resources.read(name)
  local text = engine.embedded(name)
  if not text then
    return nil, name .. ": there is no such file in this build"
  end
  return text
end

--- A Lua file compiled, for load with mode "b"; nil when it must be compiled from its text.
function resources.code(name)
  return engine.embedded_code(name)
end

--- Names of files below a prefix ("suites/"), sorted.
function resources.list(prefix)
  local names = engine.embedded_list(prefix)
  table.sort(names)
  return names
end

--- "sha256-..." of a text, as a content security policy names it.
function resources.integrity(text)
  local base64 = engine.base64url(engine.sha256(text)):gsub("[-_]", { ["-"] = "+", ["_"] = "/" })
  return "sha256-" .. base64 .. ("="):rep(-#base64 % 4)
end

--- A file of the user's: its text, or nil and one line.
function resources.file(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local text, problem = file:read("a")
  file:close()
  if not text then
    return nil, path .. ": " .. tostring(problem)
  end
  return text
end

return resources
