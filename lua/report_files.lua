-- Files of reports: there whole or not at all, or growing line by line; what cannot be written is known before the run.
local outfile = require "h2probe.outfile"

local files = {}

--- Writes a file at once: whole, or not at all and then a message.
files.write = outfile.write

--- Adds to a file.
function files.append(path, text)
  local file, message = io.open(path, "ab")
  if not file then
    return nil, message
  end
  local ok, problem = file:write(text)
  local closed, late = file:close()
  if not ok or not closed then
    return nil, ("%s: %s"):format(path, problem or late)
  end
  return true
end

-- A name with "/." behind it is there if it is a directory, and asking never waits.
local function is_directory(path)
  local found = io.open(path .. "/.", "rb")
  if found then
    found:close()
  end
  return found ~= nil
end

--- Whether a file can be written, as far as that can be known before: true, or nil and one line.
function files.check(path)
  if is_directory(path) then
    return nil, path .. ": Is a directory"
  elseif outfile.is_device(path) then
    return files.append(path, "")
  end
  local file, message = outfile.open(path)
  if not file then
    return nil, message
  end
  file:drop()
  return true
end

local Stream = {}
Stream.__index = Stream

--- A file that grows: every text is with the kernel when `write` returns. What it held stays until `start`.
-- Or nil and one line.
function files.stream(path)
  local file, message = io.open(path, "ab")
  if not file then
    return nil, message
  end
  return setmetatable({ path = path, file = file }, Stream)
end

--- Takes away what the file held; a FIFO or device is left open as it is.
function Stream:start()
  if (self.file:seek "end" or 0) > 0 then
    self.file:close()
    self.file, self.problem = io.open(self.path, "wb")
  end
end

-- The first mistake stays.
function Stream:write(text)
  if self.problem then
    return nil, self.problem
  end
  local ok, message = self.file:write(text)
  if ok then
    ok, message = self.file:flush()
  end
  if not ok then
    self.problem = ("%s: %s"):format(self.path, message)
    return nil, self.problem
  end
  return true
end

--- Closes it: true, or nil and the first thing that went wrong.
function Stream:close()
  local closed, message = true, nil
  if self.file then
    closed, message = self.file:close()
    self.file = nil
  end
  if not closed and not self.problem then
    self.problem = ("%s: %s"):format(self.path, message)
  end
  return self.problem == nil or nil, self.problem
end

return files
