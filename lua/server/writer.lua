-- Responses leave as the client's windows allow (RFC 9113 sections 5.2 and 6.9).
local CHUNK <const> = 16384

local writer = {}
writer.__index = writer

function writer.new(session)
  return setmetatable({ session = session, queue = {} }, writer)
end

--- Send a response: { status =, fields = list, body = string, trailers = list, interim = list of statuses }.
function writer:respond(stream, response, head_request)
  local conn = self.session.conn
  for _, status in ipairs(response.interim or {}) do
    conn:send { name = "HEADERS", stream = stream, fields = { { ":status", tostring(status) } } }
  end
  local body = head_request and self.session:keep "RFC9113-8.1-18" and "" or response.body or ""
  local fields = { { ":status", tostring(response.status) }, table.unpack(response.fields or {}) }
  local done = body == "" and not response.trailers
  conn:send { name = "HEADERS", stream = stream, fields = fields, end_stream = done }
  if done then return end
  self.queue[#self.queue + 1] = { stream = stream, body = body, at = 1, trailers = response.trailers }
  self:pump()
end

--- The stream is gone: send nothing more on it.
function writer:drop(stream)
  if not self.session:keep("RFC9113-6.4-1", "RFC9113-5.4.2-2") then return end
  for i, job in ipairs(self.queue) do
    if job.stream == stream then table.remove(self.queue, i) return end
  end
end

--- A guilty peer's RST_STREAM waits behind the content that waits for the window, or is lost (code false); false: no content waits.
function writer:reset_later(stream, code)
  for _, job in ipairs(self.queue) do
    if job.stream == stream then
      job.reset = code
      return true
    end
  end
  return false
end

--- Everything that waits is lost: a guilty peer's stream error does that to other streams.
function writer:forget()
  self.queue = {}
end

--- Does content wait for the client's windows?
function writer:stalled()
  return #self.queue > 0
end

-- A guilty peer holds for good what HTTP2-Settings announced for stream 1 (RFC 7540 section 3.2.1).
function writer:fixed_room(job)
  return self.fixed and job.stream == 1 and self.fixed - (job.at - 1) or math.huge
end

-- The stream's window; guilty peers count it in ways of their own: "stall": what was used up stays so; "floor": a
-- negative window is taken for 0.
function writer:stream_window(stream)
  local window = self.session.conn:window("ours", stream)
  local way = self.session.rules:way("RFC9113-6.9.1-9", "RFC9113-6.9.2-3", "RFC9113-6.9.2-5")
  if way == "stall" then
    self.stuck = self.stuck or window <= 0
    return self.stuck and 0 or window
  elseif way == "floor" then
    self.debt = math.max(self.debt or 0, -window)
    return window + self.debt
  end
  return window
end

-- Octets of the job that may leave now.
function writer:room(job)
  local session = self.session
  local left = #job.body - job.at + 1
  local room = math.min(left, CHUNK)
  local way = session.rules:way("RFC9113-6.9.1-1", "RFC9113-6.9.2-4", "RFC9113-6.9.2-5", "RFC9113-6.5.3-6",
    "RFC9113-6.5-4", "RFC9113-6.5.3-3", "RFC9113-6.9.2-3")
  if way ~= "ignore" then room = math.min(room, self:stream_window(job.stream)) end
  if session:keep("RFC9113-6.9.1-2", "RFC9113-6.9.2-6", "RFC9113-5.2.1-3") then
    room = math.min(room, session.conn:window("ours", 0))
  end
  return math.max(math.min(room, self:fixed_room(job)), 0)
end

-- One DATA frame of the job; false when its windows are used up.
function writer:step(job)
  local room = self:room(job)
  local left = #job.body - job.at + 1
  if room == 0 and left > 0 then return false end
  local last = room == left and not job.reset
  self.session.conn:send {
    name = "DATA", stream = job.stream, data = job.body:sub(job.at, job.at + room - 1),
    end_stream = last and not job.trailers,
  }
  if job.reset then
    self.session.conn:send { name = "RST_STREAM", stream = job.stream, error = job.reset }
    job.done = true
    return false
  end
  job.at = job.at + room
  if not last then return true end
  if job.trailers then
    self.session.conn:send { name = "HEADERS", stream = job.stream, fields = job.trailers, end_stream = true }
  end
  job.done = true
  return false
end

--- Send what the windows allow, streams in turn as they were asked.
function writer:pump()
  local waiting = {}
  for _, job in ipairs(self.queue) do
    while self:step(job) do end
    if not job.done then waiting[#waiting + 1] = job end
  end
  self.queue = waiting
end

return writer
