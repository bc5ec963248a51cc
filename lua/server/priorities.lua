-- PRIORITY_UPDATE as the server takes it (RFC 9218 section 7.1). The priorities themselves change nothing here.
local priorities = {}

-- Streams that are idle still, and were named by PRIORITY_UPDATE.
local function idle_named(session)
  local count = 0
  for stream in pairs(session.prioritized) do
    if session.conn:state(stream) == "idle" then count = count + 1 else session.prioritized[stream] = nil end
  end
  return count
end

-- Which rule the frame breaks: section 7.1 names stream 0, idle streams of the server's, and too many of them.
local function broken_rule(session, stream)
  if stream == 0 then return "RFC9218-7.1-9" end
  local idle = session.conn:state(stream) == "idle"
  if idle and stream % 2 == 0 then return "RFC9218-7.1-7" end
  if not idle then return nil end
  session.prioritized[stream] = true
  return idle_named(session) > session.conn:setting("ours", "MAX_CONCURRENT_STREAMS") and "RFC9218-7.1-6" or nil
end

--- A PRIORITY_UPDATE on stream 0 of right length.
function priorities.update(session, event)
  session.prioritized = session.prioritized or {}
  local id = broken_rule(session, event.prioritized_stream)
  if id then session:enforce({ id }, "connection", 0, "PROTOCOL_ERROR") end
end

return priorities
