-- How a client under test took what it got: what it sent, the end of its connection, and its own report
-- (docs/scripting.md, "The server's side"). Verdicts rest on these, never on a fixed time (DESIGN section 6).
local context = require "h2probe.context"
local engine = require "h2probe.engine"
local errors = require "h2probe.outcome_errors"
local evidence = require "h2probe.evidence"
local messages = require "h2probe.conn_messages"
local verdict = require "h2probe.verdict"

local methods = {}

local PINGS <const> = 2

local function client_of(conn)
  return conn._.run.client or error("there is no client under test: the case needs role = \"server\"", 3)
end

--- Waits for the client's end: { status, signal, output, success, text }, or nil, code, message.
function methods:client_exit()
  local handle = client_of(self)
  self:flush()
  if self:ended() then
    self:half_close() -- the client may wait for our end
  end
  local status, signal, message = handle:wait(context.left(self._.run))
  if not status then
    return nil, signal, message
  end
  local output = handle:output()
  return { status = status, signal = signal, output = output, success = status == 0,
    text = handle:ending(status, signal) }
end

-- Serving ----------------------------------------------------------------------------------------------------

local function respond_ok(conn, stream)
  conn:respond { stream = stream, fields = { { "content-type", "text/plain" } }, body = "h2probe\n" }
end

-- Answers every request that is complete; how many were answered so far.
local function serve(conn, respond)
  local state = conn._
  state.served = state.served or {}
  for _, id in ipairs({ table.unpack(state.requests) }) do
    local record = state.streams[id]
    if not state.served[id] and record.ended and #record.resets == 0 then
      state.served[id] = true
      state.served_count = (state.served_count or 0) + 1
      respond(conn, id)
    end
  end
  conn:flush()
  return state.served_count or 0
end

-- An error that the client reported: GOAWAY with an error, or RST_STREAM other than for want of interest.
local function reported(conn)
  for _, goaway in ipairs(conn._.goaways) do
    if goaway.error ~= "NO_ERROR" then
      return ("GOAWAY(%s)"):format(goaway.error)
    end
  end
  for id, record in pairs(conn._.streams) do
    local reset = record.resets[1]
    if reset and reset.error ~= "NO_ERROR" and reset.error ~= "CANCEL" then
      return ("RST_STREAM(%s) on stream %d"):format(reset.error, id)
    end
  end
end

local GOOD <const> = "a request, its response taken, and the client's success"

local function not_good(observed, silent)
  verdict.raise { verdict = "fail", expected = GOOD, observed = observed, silent = silent }
end

local function judge_good(conn, exit)
  local run, count = conn._.run, conn._.served_count or 0
  if not exit then
    local what = count > 0 and "the client did not end within %g s after its response"
      or conn:ended() and "the client ended its connection without a request, and did not end within %g s"
      or "no request came within %g s"
    not_good(what:format(context.seconds(run)), true)
  elseif count == 0 then
    not_good("the client ended without a request: " .. exit.text)
  elseif not exit.success then
    not_good("its request was answered, but the client failed: " .. exit.text)
  end
  run.expected, run.observed = GOOD, ("the request was answered; %s"):format(exit.text)
end

--- The client has to take what it got so far: its requests are answered with 200 (or by respond(conn, stream)), and it
-- ends with exit status 0 without having reported an error.
function methods:expect_success(respond)
  self:_need_h2()
  self:flush()
  repeat
    local problem = reported(self)
    if problem then
      not_good(problem)
    end
    serve(self, respond or respond_ok)
  until not self:_pump()
  local problem = reported(self)
  if problem then
    not_good(problem)
  end
  judge_good(self, self:client_exit())
end

-- Refusals -----------------------------------------------------------------------------------------------------

local function view_of(conn)
  local state = conn._
  return { streams = state.streams, goaways = state.goaways, ended = state.ended, ended_seq = state.ended_seq,
    mark = state.mark, witness_streams = {}, pings = 0, witnesses = {}, seconds = context.seconds(state.run) }
end

local Question = {}
Question.__index = Question

-- Two PING round trips, one after the other: then what was wrong has been read, and nothing was made of it.
function Question:advance()
  local conn = self.conn
  if self.asked == 0 or (self.payload and conn._.acked[self.payload]) then
    self.answered = self.asked
    if self.asked < PINGS then
      self.payload, self.asked = conn:_send_ping(), self.asked + 1
      conn:flush()
    else
      self.payload = nil
    end
  end
  return self.answered == PINGS
end

local function refusal_text(spec)
  return ("GOAWAY(%s) or the end of the connection, and no success"):format(table.concat(spec.codes, " or "))
end

local function refusal_spec(first, ...)
  local spec = type(first) == "table" and first or { first, ... }
  spec.codes = { table.unpack(spec) }
  spec.also = spec.also or {}
  return spec
end

-- The client went on until its end: what it says of it itself.
local function judge_end(conn, spec, exit)
  local count = conn._.served_count or 0
  local found = errors.connection_error(spec, view_of(conn))
  if exit and exit.success and count > 0 then
    return { verdict = "fail", observed = "the client took the response as good: " .. exit.text }
  elseif exit and exit.success and spec.unframed then
    return { verdict = "warn", observed = "the client reports success, but there was no response: " .. exit.text }
  elseif exit and exit.success then
    found.notes = found.notes or {}
    table.insert(found.notes, "the client reports success, but no request of it was answered")
  elseif exit and found.verdict ~= "fail" then
    found.observed = ("%s; %s"):format(found.observed, exit.text)
  end
  return found
end

local function went_on(conn, question)
  local count = conn._.served_count or 0
  local seconds = context.seconds(conn._.run)
  if count > 0 then
    return ("the client went on: its request was answered after %d PINGs; no error within %g s"):format(
      question.answered, seconds)
  elseif question.answered > 0 then
    return ("the client went on: PING acknowledged %d times; no error within %g s"):format(question.answered, seconds)
  end
  return ("no error and no end of the connection within %g s"):format(seconds)
end

local function conclude(conn, spec, found)
  local run = conn._.run
  if found.verdict == "fail" and spec.tolerated then
    found = { verdict = "warn", observed = ("%s (%s)"):format(found.observed, spec.tolerated), notes = found.notes }
  end
  if found.verdict ~= "pass" then
    verdict.raise { verdict = found.verdict, expected = refusal_text(spec), observed = found.observed,
      notes = found.notes, silent = found.silent }
  end
  run.expected, run.observed = refusal_text(spec), found.observed
  for _, text in ipairs(found.notes or {}) do
    context.note(run, text)
  end
end

local function error_goaway(state)
  for _, goaway in ipairs(state.goaways) do
    if goaway.error ~= "NO_ERROR" then
      return true
    end
  end
  return false
end

local function reset_of_request(conn)
  for id, record in pairs(conn._.streams) do
    if #record.resets > 0 and messages.over(record) then
      return id
    end
  end
end

local function malformed_verdict(spec, conn)
  local id = spec.stream_error and reset_of_request(conn)
  return id and errors.stream_error({ stream = id, codes = spec.codes, also = spec.also, soft = spec.soft }, view_of(conn))
end

--- The client must not go on: GOAWAY with one of the codes (or a generic one) or the end of the connection (5.4.1), and no
-- success of its own. Options beside the codes: goaway = "optional" (invalid prefaces, 3.4), also = {} and soft = {} as
-- for connection_error; stream_error = true: RST_STREAM is as good (8.1.1); unframed = true: what was sent is no HTTP/2, so
-- that the client cannot be asked by PING and has nothing to report success of. What it asks for after two PINGs is
-- answered (by respond(conn, stream) if given), so that its own report tells whether it took the response. tolerated = "why": to go
-- on is only a deviation (a warning), for this reason.
function methods:expect_refusal(...)
  local spec = refusal_spec(...)
  client_of(self)
  self:_need_h2()
  self:flush()
  local state, question = self._, setmetatable({ conn = self, asked = 0, answered = 0 }, Question)
  repeat
    local found = error_goaway(state) and errors.connection_error(spec, view_of(self)) or malformed_verdict(spec, self)
    if found then
      return conclude(self, spec, found)
    end
    if not spec.unframed and not state.ended and question:advance() then
      serve(self, spec.respond or respond_ok)
    end
  until not self:_pump()
  if not state.ended then
    return conclude(self, spec, { verdict = "fail", silent = true, observed = went_on(self, question) })
  end
  local early = error_goaway(state) and errors.connection_error(spec, view_of(self)) or malformed_verdict(spec, self)
  conclude(self, spec, early or judge_end(self, spec, self:client_exit()))
end

local SLICE <const>, LONGEST <const> = 0.01, 0.25

--- Gives the client time before the next step: until the predicate holds, the connection ends, or a quarter of a second is
-- over. Never a verdict: for what it does at once or only when it is asked again.
function methods:give_time(predicate)
  self:flush()
  local limit = engine.waited() + math.min(LONGEST, context.left(self._.run))
  while not predicate() and not self:ended() and engine.waited() < limit do
    self:_pump(SLICE)
  end
end

--- How the client ended its side so far, in words; nil while it did not.
function methods:end_text()
  local ended = self:ended()
  return ended and evidence.end_text(ended) or nil
end

return { methods = methods }
