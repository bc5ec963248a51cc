-- A file that is there whole or not at all: written beside its place, and renamed at the end.
local engine = require "h2probe.engine"

local outfile = {}

local Outfile = {}
Outfile.__index = Outfile

-- Files that are no plain files are written as they are: a rename would replace them.
function outfile.is_device(path)
  return path:find("^/dev/") ~= nil or path:find("^/proc/") ~= nil
end

--- Opens it, or nil and one line that names it.
function outfile.open(path)
  local temporary = not outfile.is_device(path) and ("%s.%s.tmp"):format(path, engine.hex(engine.random(6))) or nil
  local file, message = io.open(temporary or path, "wb")
  if not file then
    return nil, (message:gsub("%.%x+%.tmp", ""))
  end
  return setmetatable({ path = path, temporary = temporary, file = file }, Outfile)
end

--- Adds octets; the first thing that goes wrong is told by close.
function Outfile:write(octets)
  if not self.problem then
    local ok, message = self.file:write(octets)
    self.problem = not ok and message or nil
  end
end

--- True, or nil and one line: then there is no file.
function Outfile:close()
  local closed, late = self.file:close()
  local problem = self.problem or (not closed and late) or nil
  if not problem and self.temporary then
    local renamed, message = os.rename(self.temporary, self.path)
    problem = not renamed and message:gsub("^.-: ", "") or nil
  end
  if problem then
    self:remove()
    return nil, ("%s: %s"):format(self.path, problem)
  end
  return true
end

function Outfile:remove()
  if self.temporary then
    os.remove(self.temporary)
  end
end

--- Ends it without a file.
function Outfile:drop()
  self.file:close()
  self:remove()
end

--- The whole content at once: true, or nil and one line.
function outfile.write(path, octets)
  local file, message = outfile.open(path)
  if not file then
    return nil, message
  end
  file:write(octets)
  return file:close()
end

return outfile
