-- Outcomes as values (docs/scripting.md, "Verdicts"): what each accepts is decided here and in outcome_errors.lua and
-- outcome_accept.lua, once for all suites.
local accept = require "h2probe.outcome_accept"
local engine = require "h2probe.engine"
local evidence = require "h2probe.evidence"
local errors = require "h2probe.outcome_errors"
local tls = require "h2probe.outcome_tls"
local verdict = require "h2probe.verdict"

local outcome = {}

local Outcome = { __metatable = "outcome", __name = "outcome" }
Outcome.__index = Outcome

--- Is this value an outcome?
function outcome.is(value)
  return type(value) == "table" and getmetatable(value) == "outcome"
end

-- asks: "quiet": silence is to be asked about (PING, PING, witness); "now": at once; nil: time alone decides.
-- h2: the connection has to speak HTTP/2. raw: it may be judged before ("stay"), or becomes HTTP/2 when frames come
-- ("either"). witnesses: how many the barrier has at most.
local function new(spec, expected, judge, asks, h2)
  spec.expected, spec.judge, spec.asks, spec.h2 = expected, judge, asks, h2
  return setmetatable(spec, Outcome)
end

local function check_codes(name, list)
  for _, code in ipairs(list or {}) do
    if type(code) ~= "string" or not engine.errors[code] then
      error(("%s: '%s' is no error code"):format(name, tostring(code)), 4)
    end
  end
end

local OPTIONS = { also = true, soft = true, about = true, goaway = true, stream = true }

-- Codes as arguments or as one table { "CODE", ..., also = {}, soft = {}, about = "padding", goaway = "optional" }.
local function error_spec(name, first, ...)
  local given = type(first) == "table" and first or { first, ... }
  local spec = { codes = {}, also = {} }
  for key, value in pairs(given) do
    if math.type(key) == "integer" then
      spec.codes[key] = value
    elseif not OPTIONS[key] then
      error(("%s has no member '%s'"):format(name, tostring(key)), 3)
    else
      spec[key] = value
    end
  end
  if #spec.codes == 0 then
    error(name .. " needs an error code", 3)
  elseif spec.about and not errors.ABOUT[spec.about] then
    error(("%s: about '%s' is not known"):format(name, tostring(spec.about)), 3)
  end
  check_codes(name, spec.codes)
  check_codes(name, spec.also)
  check_codes(name, spec.soft)
  spec.also = { table.unpack(spec.also) }
  table.move(errors.ABOUT[spec.about] or {}, 1, #(errors.ABOUT[spec.about] or {}), #spec.also + 1, spec.also)
  return spec
end

local function check_stream(name, stream)
  if math.type(stream) ~= "integer" then
    error(name .. " needs a stream identifier", 3)
  end
end

local function connection_text(spec)
  return ("GOAWAY(%s) or the end of the connection"):format(table.concat(spec.codes, " or "))
end

--- connection_error(code, ...), connection_error { code, ..., also =, soft =, about =, goaway = "optional" }: section 5.4.1.
-- also: codes that pass with a note; soft: codes that warn; about: the violation, whose other applicable codes pass
-- with a note; goaway = "optional": its absence is no note and its code does not matter (invalid prefaces, 3.4).
function outcome.connection_error(...)
  local spec = error_spec("connection_error", ...)
  return new(spec, connection_text(spec), errors.connection_error, "quiet", true)
end

--- stream_error(stream, code, ...), stream_error { stream = n, code, ... }: section 5.4.2.
function outcome.stream_error(stream, ...)
  local spec
  if type(stream) == "table" then
    spec = error_spec("stream_error", stream)
  elseif type((...)) == "table" then
    spec = error_spec("stream_error", ...)
    spec.stream = stream
  else
    spec = error_spec("stream_error", { ... })
    spec.stream = stream
  end
  check_stream("stream_error", spec.stream)
  return new(spec, ("RST_STREAM(%s) on stream %d or a connection error"):format(table.concat(spec.codes, " or "),
    spec.stream), errors.stream_error, "quiet", true)
end

--- malformed(stream, { late = true, depends = true }): section 8.1.1. late: the fault is in content or trailers;
-- depends: the response is known to depend on them.
function outcome.malformed(stream, options)
  options = options or {}
  check_stream("malformed", stream)
  local expected = ("RST_STREAM(PROTOCOL_ERROR) on stream %d, a 4xx response, or a connection error"):format(stream)
  if options.late and not options.depends then
    expected = expected .. " (or a response that does not depend on the rest)"
  end
  return new({ stream = stream, codes = { "PROTOCOL_ERROR" }, late = options.late, depends = options.depends }, expected,
    errors.malformed, "quiet", true)
end

--- ignored(), ignored { no_response = stream }: no reaction, and in particular no response on that stream.
function outcome.ignored(options)
  return new({ no_response = options and options.no_response }, "no reaction: PING acknowledged twice and a request answered",
    accept.ignored, "now", true)
end

--- no_error(): as ignored(), without a witness, and GOAWAY(NO_ERROR) or the end is fine too.
function outcome.no_error()
  local self = new({}, "no error: PING acknowledged twice, GOAWAY(NO_ERROR), or the end of the connection", accept.no_error,
    "now", true)
  self.witnesses = 0
  return self
end

--- invalid_preface(): connection error (GOAWAY optional), or an HTTP/1.x error response and the end (3.4).
function outcome.invalid_preface()
  local self = new({ codes = { "PROTOCOL_ERROR" }, also = { "FRAME_SIZE_ERROR" }, goaway = "optional" },
    "GOAWAY(PROTOCOL_ERROR), the end of the connection, or an HTTP/1.x error", accept.invalid_preface, "quiet")
  self.raw = "either"
  return self
end

--- no_http2(): before HTTP/2: an HTTP/1.x response or the end; no HTTP/2 frame.
function outcome.no_http2()
  local self = new({}, "no HTTP/2 frame", accept.no_http2)
  self.raw = "stay"
  return self
end

--- speaks_http2(): the contrary: SETTINGS comes.
function outcome.speaks_http2()
  local self = new({}, "HTTP/2 frames", accept.speaks_http2)
  self.raw = "stay"
  return self
end

local function status_text(status)
  if type(status) == "table" then
    local parts = {}
    for index, each in ipairs(status) do
      parts[index] = tostring(each)
    end
    return table.concat(parts, " or ")
  end
  return status and tostring(status)
end

--- response(stream [, status]): a final response to its end; status a number, "2xx", or a list of those (8.1).
function outcome.response(stream, status)
  check_stream("response", stream)
  local text = status_text(status)
  return new({ stream = stream, status = status },
    text and ("response %s on stream %d"):format(text, stream) or ("a final response on stream %d"):format(stream),
    accept.response, nil, true)
end

--- closed(): the end of the connection, GOAWAY or not.
function outcome.closed()
  return new({}, "the end of the connection", accept.closed)
end

--- no_upgrade(): the last HTTP/1.1 response was not 101, and no HTTP/2 octets follow (RFC 9110 section 7.8).
function outcome.no_upgrade()
  return new({}, "an HTTP/1.1 response other than 101 and no HTTP/2 after it", accept.no_upgrade)
end

--- tls_alert(name, ...): the handshake ended with this alert (RFC 8446 section 6.2).
function outcome.tls_alert(...)
  local names = { ... }
  for _, name in ipairs(names) do
    if not engine.alerts[name] then
      error(("tls_alert: '%s' is no alert"):format(tostring(name)), 2)
    end
  end
  local text = #names > 0 and "the TLS alert " .. table.concat(names, " or ") or "a TLS alert"
  return new({ names = names }, text, tls.alert)
end

--- selects(name, ...), selects { name, ... }: one of these was selected in ALPN, by a sound answer (RFC 7301 section 3).
function outcome.selects(first, ...)
  local names = type(first) == "table" and first or { first, ... }
  local shown = {}
  for position, name in ipairs(names) do
    shown[position] = evidence.printable(name)
  end
  return new({ names = names }, "the selection of " .. table.concat(shown, " or "), tls.selects)
end

--- no_alpn(): the handshake is completed, and no name was selected.
function outcome.no_alpn()
  return new({}, "a handshake without ALPN", tls.no_alpn)
end

local function judge_any(spec, view)
  local best
  local open = false
  for _, each in ipairs(spec) do
    local found = outcome.judge(each, view)
    if not found then
      open = true
    elseif found.verdict == "pass" then
      return found
    elseif not best or verdict.rank(found) < verdict.rank(best) then
      best = found
    end
  end
  if not open then
    return best
  end
end

local function asks_of(list)
  local asks
  for _, each in ipairs(list) do
    asks = (each.asks == "quiet" or asks == "quiet") and "quiet" or each.asks or asks
  end
  return asks
end

--- any_of { outcome, ... }: the kindest of what they say, once all have or one passes.
function outcome.any_of(list)
  if type(list) ~= "table" or #list == 0 or outcome.is(list) then
    error("any_of takes a list of outcomes", 2)
  end
  local spec, texts, h2, raw, witnesses = {}, {}, false, nil, 0
  for index, each in ipairs(list) do
    if not outcome.is(each) then
      error(("any_of: value %d is no outcome"):format(index), 2)
    end
    spec[index], texts[index] = each, each.expected
    h2, raw = h2 or each.h2 or false, raw or each.raw
    witnesses = witnesses and each.witnesses
  end
  local self = new(spec, table.concat(texts, "; or "), judge_any, asks_of(spec), h2)
  self.raw, self.witnesses = raw, witnesses
  return self
end

local function judge_soft(spec, view)
  local found = outcome.judge(spec.inner, view)
  if found and found.verdict == "pass" then
    return verdict.new { verdict = "warn", observed = ("%s (%s)"):format(found.observed, spec.why), notes = found.notes }
  end
  return found
end

--- soft(outcome, why): permitted only by a defensible reading: a warning instead of a pass.
function outcome.soft(inner, why)
  if not outcome.is(inner) then
    error("soft takes an outcome and a reason", 2)
  end
  local self = new({ inner = inner, why = tostring(why or "permitted only by a defensible reading") },
    inner.expected .. " (deviation)", judge_soft, inner.asks, inner.h2)
  self.raw, self.witnesses = inner.raw, inner.witnesses
  return self
end

--- What this outcome says to a view (lua/evidence.lua): nil while undecided, or a verdict.
function outcome.judge(self, view)
  local found = self.judge(self, view)
  if not found then
    return nil
  end
  return verdict.new {
    verdict = found.verdict, expected = self.expected, observed = found.observed, notes = found.notes,
    silent = found.silent,
  }
end

return outcome
