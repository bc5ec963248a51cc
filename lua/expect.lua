-- Waiting for evidence: conn:expect (DESIGN section 6). Verdicts come from what is on the wire; where nothing comes the
-- peer is asked: two PING round trips, then a witness request, each after the answer to the one before.
local conn_send = require "h2probe.conn_send"
local context = require "h2probe.context"
local conn_client = require "h2probe.conn_client"
local engine = require "h2probe.engine"
local outcome = require "h2probe.outcome"
local output = require "h2probe.conn_output"
local verdict = require "h2probe.verdict"

local expect = {}

-- How long nothing has to come before the peer is asked: never a verdict. Of the time that is left the answers need most.
local QUIET, QUIET_ROUND_TRIPS, QUIET_SHARE = 0.05, 10, 0.25
local PINGS, WITNESSES, PATIENT_WITNESSES = 2, 1, 3

local function follows_http2(conn)
  local head = conn.response
  if head.status == 101 or conn._.started then
    return false
  end
  local octets = conn._.wire:peek(0)
  return type(octets) == "string" and octets:find "^\0\0.\4[\0\1]\0\0\0\0" ~= nil
end

local function new_view(conn)
  local state = conn._
  return {
    streams = state.streams, goaways = state.goaways, mark = state.mark, http1 = conn.response,
    pings = 0, witnesses = {}, witness_streams = {}, settled = false, timeout = false, over = false,
    seconds = context.seconds(state.run),
    usual_status = conn.target and conn.target.status,
    half_open = function(stream)
      local now = state.wire:state(stream)
      return now ~= "half-closed (local)" and now ~= "closed"
    end,
  }
end

local function refresh(conn, view)
  local state = conn._
  view.ended, view.ended_seq, view.settings_acks = state.ended, state.ended_seq, state.settings_acks
  view.tls, view.secure, view.forged = state.tls or conn.tls, state.secure, state.hello_forged
  view.handshake_over_time = state.handshake_over_time
  view.withheld = state.auto.settings == false and state.peer_settings > 0 and state.wire:unacknowledged("theirs") > 0
end

-- The barrier ------------------------------------------------------------------------------------------------

-- Why the peer cannot be asked, or nil.
local function unaskable(conn)
  local state = conn._
  if not state.started then
    return "the connection does not speak HTTP/2"
  elseif not output.whole(state.out) then
    return "nothing could be asked: the tester's last frame or field block is unfinished"
  end
end

local function no_witness(conn, view)
  if #view.goaways > 0 then
    return "no witness request: GOAWAY came before"
  elseif not conn_send.may_open(conn) then
    return "no witness request: the limit of concurrent streams is reached"
  end
end

-- Static name indices (RFC 7541 appendix A) of what may be sent as a literal.
local NAME_INDEX = { [":authority"] = 1, [":path"] = 4 }

-- Its field block does not depend on the dynamic table, which a script may have upset. The first field is the encoder's,
-- so that a table size update that is due goes before it (RFC 7541 section 4.2).
local function witness_fields(conn)
  local list = conn_client.request_fields(conn.target, {})
  for position, field in ipairs(list) do
    local static = field[1] == ":method" or field[1] == ":scheme" or (field[1] == ":path" and field[2] == "/")
    if position > 1 and not static and not field.kind then
      field.kind, field.index = "without", NAME_INDEX[field[1]]
    end
  end
  return list
end

-- A window that the script announced as small must not keep the witness's response back.
local function open_window(conn, stream)
  local initial = conn._.wire:setting("ours", "INITIAL_WINDOW_SIZE", true)
  if initial < 65535 then
    conn:_put_frame { name = "WINDOW_UPDATE", stream = stream, increment = 65535 - initial }
  end
end

local function send_witness(conn, view)
  local stream = conn:new_stream()
  conn_send.headers(conn, stream, witness_fields(conn), true)
  open_window(conn, stream)
  view.witnesses[#view.witnesses + 1] = { stream = stream }
  view.witness_streams[stream] = true
end

-- An answer that our own windows hold back is an answer.
local function held_back(conn, stream)
  local wire = conn._.wire
  return conn._.auto.window == false and (wire:window("theirs", 0) <= 0 or wire:window("theirs", stream) <= 0)
end

local function witness_answered(conn, witness)
  local record = conn._.streams[witness.stream]
  if not record then
    return false
  end
  local response, reset = record.response, record.resets[1]
  witness.status = response and response.status
  witness.broken = record.broken and record.broken.message
  if record.ended and (response or not reset) then
    witness.answered = true
  elseif reset then
    witness.reset, witness.answered = reset.error, true
  elseif response and held_back(conn, witness.stream) then
    witness.answered = true
  end
  return witness.answered
end

local Barrier = {}
Barrier.__index = Barrier

local function witnesses_of(conn, wanted)
  return math.min(wanted.witnesses or math.huge, conn._.run.patient and PATIENT_WITNESSES or WITNESSES)
end

local function new_barrier(conn, view, wanted)
  local asks = wanted.asks
  local quiet = math.min(math.max(QUIET, QUIET_ROUND_TRIPS * (conn._.rtt or 0)),
    QUIET_SHARE * context.left(conn._.run))
  local wait = asks == "now" and 0 or quiet
  return setmetatable({ conn = conn, view = view, enabled = asks ~= nil, begin = engine.waited() + wait,
    witnesses = witnesses_of(conn, wanted) }, Barrier)
end

-- Asks the next question; true when there is none left.
function Barrier:ask()
  local conn, view = self.conn, self.view
  local extra = view.blocked and 1 or 0
  if view.pings < PINGS + extra then
    self.payload = conn:_send_ping()
    view.asked = view.pings + 1
    return false
  end
  if view.blocked or #view.witnesses >= self.witnesses then
    return true
  end
  view.blocked = no_witness(conn, view)
  if view.blocked then
    return self:ask() -- a third PING instead
  end
  send_witness(conn, view)
  return false
end

function Barrier:answered()
  local view = self.view
  if self.payload then
    if not self.conn._.acked[self.payload] then
      return false
    end
    view.pings, self.payload = view.pings + 1, nil
    return true
  end
  local witness = view.witnesses[#view.witnesses]
  return not witness or witness_answered(self.conn, witness)
end

--- Asks what can be asked now; true when the last question was answered just now.
function Barrier:advance()
  local view = self.view
  if not self.enabled or self.stuck or view.settled or view.ended or engine.waited() < self.begin then
    return false
  end
  if not self.asking then
    view.blocked = unaskable(self.conn)
    self.stuck = view.blocked ~= nil
    self.asking = not self.stuck
  elseif not self:answered() then
    return false
  end
  view.settled = not self.stuck and self:ask()
  return view.settled
end

--- Seconds until it wants to ask, nil when it waits for answers only.
function Barrier:patience()
  if self.enabled and not self.asking and not self.stuck then
    return math.max(0, self.begin - engine.waited())
  end
end

-- Before HTTP/2 -------------------------------------------------------------------------------------------------

local ENOUGH = 9 -- octets that tell HTTP/1.x from a frame

-- What the first octets are: an HTTP/1.x head goes to conn.response; frames set view.http2.
local function look_at_octets(conn, view, wanted)
  local state = conn._
  if state.started or not wanted.raw then
    return
  end
  local octets, code, message = conn:_look(ENOUGH)
  if not octets then
    view.timeout = code == "timeout"
    if code ~= "timeout" and not state.ended then
      state.ended, state.ended_seq = state.wire:ended() or { how = "error", text = message }, state.last_seq + 0.5
    end
    return
  end
  if octets:find "^HTTP/" then
    conn:recv_head()
    view.http1 = conn.response
  else
    view.http2 = octets:find "^...\4[\0\1]\0\0\0\0" ~= nil
    if wanted.raw == "either" then
      state.out.broken = true
      state.wire:start_h2(false)
      state.started = true
    end
  end
end

-- The loop -----------------------------------------------------------------------------------------------------

-- One event further. Sets view.timeout when nothing more can come.
local function step(conn, view, barrier)
  local state = conn._
  if view.ended or context.left(state.run) <= 0 then
    view.over, view.timeout = view.ended ~= nil, true
    return
  end
  local event, code = conn:_pump(barrier:patience())
  if not event and code == "timeout" and context.left(state.run) <= 0 then
    view.timeout = true
  end
end

--- Waits until the outcome decides: the verdict.
function expect.wait(conn, wanted)
  if wanted.h2 then
    conn:_need_h2()
  end
  local view = new_view(conn)
  local barrier = new_barrier(conn, view, wanted)
  if wanted.asks == "now" then -- the first PING leaves in one write with the stimulus: both or none are read
    refresh(conn, view)
    barrier:advance()
  end
  conn:flush()
  view.http2_follows = follows_http2(conn)
  look_at_octets(conn, view, wanted)
  while true do
    refresh(conn, view)
    local decided = outcome.judge(wanted, view)
    if decided then
      return decided
    elseif view.timeout then
      return verdict.new { verdict = "inconclusive", expected = wanted.expected, observed = "nothing that decides" }
    end
    if not barrier:advance() then
      step(conn, view, barrier)
    end
  end
end

--- conn:expect(outcome): raises what does not pass; what passes leaves its notes in the run.
function expect.run(conn, wanted)
  if not outcome.is(wanted) then
    error("expect takes an outcome: conn:expect(ignored())", 3)
  end
  local decided = expect.wait(conn, wanted)
  local run = conn._.run
  conn:_take(function(event) return event.name == "PING" and event.ack and conn._.pings[event.data] end)
  if decided.verdict ~= "pass" then
    error(decided, 0)
  end
  run.expected, run.observed = decided.expected, decided.observed
  for _, note in ipairs(decided.notes) do
    context.note(run, note)
  end
end

return expect
