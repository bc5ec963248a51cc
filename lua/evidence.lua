-- What came since the stimulus began, as the outcomes look at it (DESIGN section 6).
--
-- A view is a table that stays the same while an expect waits: streams, goaways, ended, ended_seq, mark (what came up
-- to this sequence number came before the stimulus), tls, secure (the handshake succeeded), http1, withheld (we owe the
-- peer a SETTINGS ACK), pings (how many of the barrier were acknowledged), witnesses, settled (the barrier is through),
-- blocked (why there is no barrier or no witness), over (nothing more can come), timeout, seconds, half_open(stream).
local fields = require "h2probe.fields"

local evidence = {}

--- Octets of the peer as printable ASCII.
evidence.printable = fields.shown

local END_NAMES = {
  fin = "FIN", rst = "TCP reset", close_notify = "close_notify", tls_error = "TLS failure", error = "transport error",
}

--- How the peer ended the connection, for people.
function evidence.end_text(ended)
  if ended.how == "alert" then
    return "TLS alert " .. (ended.alert_name or tostring(ended.alert))
  end
  return END_NAMES[ended.how] or tostring(ended.how)
end

--- Was the end one that may have destroyed a GOAWAY (section 5.4.1)?
function evidence.end_loses(ended)
  return ended.how == "rst" or ended.how == "error" or ended.how == "tls_error"
end

local function at_or_before(seq, mark)
  return (seq or math.huge) <= mark
end

--- What happened to the connection: nil, or { kind = "error" | "graceful" | "end", code =, last_stream =, text =,
-- before = true when it came before the stimulus }. An error outweighs a GOAWAY(NO_ERROR) that came first (6.8).
function evidence.connection(view)
  local graceful
  for _, goaway in ipairs(view.goaways) do
    local found = {
      code = goaway.error, last_stream = goaway.last_stream, text = ("GOAWAY(%s)"):format(goaway.error),
      before = at_or_before(goaway.seq, view.mark),
    }
    if goaway.error ~= "NO_ERROR" then
      found.kind = "error"
      return found
    end
    found.kind = "graceful"
    graceful = graceful or found
  end
  if graceful then
    return graceful
  end
  if view.ended then
    return {
      kind = "end", how = view.ended.how, before = at_or_before(view.ended_seq, view.mark),
      text = ("the end of the connection (%s)"):format(evidence.end_text(view.ended)),
    }
  end
end

--- Was SETTINGS_TIMEOUT our own doing (6.5.3)?
function evidence.own_timeout(view, code)
  return code == "SETTINGS_TIMEOUT" and view.withheld
end

--- The first RST_STREAM on a stream since the stimulus began; and whether there was one before.
function evidence.reset(view, stream)
  local record = view.streams[stream]
  local before = false
  for _, reset in ipairs(record and record.resets or {}) do
    if not at_or_before(reset.seq, view.mark) then
      return reset, before
    end
    before = true
  end
  return nil, before
end

local function sorted_streams(view)
  local ids = {}
  for id in pairs(view.streams) do
    ids[#ids + 1] = id
  end
  table.sort(ids)
  return ids
end

--- Calls fn(stream, reset) for each RST_STREAM since the stimulus began, by stream; returns its first result.
function evidence.each_reset(view, fn)
  for _, id in ipairs(sorted_streams(view)) do
    for _, reset in ipairs(view.streams[id].resets) do
      if not at_or_before(reset.seq, view.mark) then
        local value = fn(view.streams[id], reset)
        if value then
          return value
        end
      end
    end
  end
end

local MAX_NAMED = 4

--- What came besides, in words: responses and resets, without those of witnesses. "" when there is nothing.
function evidence.summary(view)
  local parts = {}
  for _, id in ipairs(sorted_streams(view)) do
    local record = view.streams[id]
    if not view.witness_streams[id] then
      local head = record.response
      if head and not at_or_before(head.seq, view.mark) then
        parts[#parts + 1] = ("response %s on stream %d"):format(head.status or "without a status", id)
      end
      for _, reset in ipairs(record.resets) do
        if not at_or_before(reset.seq, view.mark) then
          parts[#parts + 1] = ("RST_STREAM(%s) on stream %d"):format(reset.error, id)
        end
      end
    end
  end
  if #parts > MAX_NAMED then
    parts[MAX_NAMED + 1] = ("%d more"):format(#parts - MAX_NAMED)
  end
  return table.concat(parts, ", ", 1, math.min(#parts, MAX_NAMED + 1))
end

--- What the barrier brought, in words.
function evidence.barrier(view)
  local parts = {}
  if view.pings > 0 then
    parts[1] = view.pings == 1 and "PING acknowledged" or view.pings == 2 and "PING acknowledged twice"
      or ("PING acknowledged %d times"):format(view.pings)
  end
  for _, witness in ipairs(view.witnesses) do
    local text = "witness request not answered"
    if witness.reset then
      text = ("witness request reset with %s"):format(witness.reset)
    elseif witness.broken then
      text = "witness request answered, but not in a way that can be decoded"
    elseif witness.status then
      text = ("witness request answered %d"):format(witness.status)
    elseif witness.answered then
      text = "witness request answered without a status"
    end
    if parts[#parts] ~= text then
      parts[#parts + 1] = text
    end
  end
  if view.blocked then
    parts[#parts + 1] = view.blocked
  end
  return table.concat(parts, ", ")
end

--- Nothing came within the time: in words.
function evidence.silence(view)
  local within = ("within %g s"):format(view.seconds)
  if view.asked and view.pings < view.asked then
    return ("no answer to PING %s"):format(within)
  end
  for _, witness in ipairs(view.witnesses) do
    if not witness.answered then
      return ("no answer to the witness request %s"):format(within)
    end
  end
  return ("no reaction %s"):format(within)
end

--- `text`, and after it what came besides.
function evidence.with_summary(view, text)
  local besides = evidence.summary(view)
  return besides == "" and text or text .. "; " .. besides
end

return evidence
