-- PRIORITY_UPDATE as the server takes it (RFC 9218 section 7.1). The priorities themselves change nothing here.
local priorities = {}

-- Are more idle streams named by PRIORITY_UPDATE than may be open? Those that were opened meanwhile are forgotten.
local function too_many(session)
  local limit = session.conn:setting("ours", "MAX_CONCURRENT_STREAMS")
  if session.prioritized_count <= limit then return false end
  for stream in pairs(session.prioritized) do
    if session.conn:state(stream) ~= "idle" then
      session.prioritized[stream] = nil
      session.prioritized_count = session.prioritized_count - 1
    end
  end
  return session.prioritized_count > limit
end

-- Which rule the frame breaks: section 7.1 names stream 0, idle streams of the server's, and too many of them.
local function broken_rule(session, stream)
  if stream == 0 then return "RFC9218-7.1-9" end
  local idle = session.conn:state(stream) == "idle"
  if idle and stream % 2 == 0 then return "RFC9218-7.1-7" end
  if not idle then return nil end
  if not session.prioritized[stream] then
    session.prioritized[stream], session.prioritized_count = true, session.prioritized_count + 1
  end
  return too_many(session) and "RFC9218-7.1-6" or nil
end

--- A PRIORITY_UPDATE on stream 0 of right length.
function priorities.update(session, event)
  if not session.prioritized then session.prioritized, session.prioritized_count = {}, 0 end
  local id = broken_rule(session, event.prioritized_stream)
  if id then session:enforce({ id }, "connection", 0, "PROTOCOL_ERROR") end
end

return priorities
