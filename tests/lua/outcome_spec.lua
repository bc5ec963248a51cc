-- What each outcome says to what a peer does, row by row (docs/scripting.md, "Verdicts"; RFC 9113 sections 5.4, 8.1.1).
local peer = dofile "tests/lua/scripted_peer.lua"
local Conn, context, expect, outcome = peer.load("conn", "context", "expect", "outcome")

local goaway, reset, head, frame = peer.goaway, peer.reset, peer.head, peer.frame
local CE, SE, MAL, IGN = outcome.connection_error, outcome.stream_error, outcome.malformed, outcome.ignored
local RESPONSE, ANY, SOFT = outcome.response, outcome.any_of, outcome.soft

-- A connection that was handed over with a request on stream 1, and the stimulus sent.
local function connection(script, options)
  options = options or {}
  local wire = peer.wire(script)
  local run = context.new { timeout = 2, patient = options.patient }
  local conn = Conn.new { wire = wire, role = "client", target = { scheme = "http", authority = "h", path = "/" },
    run = run, auto = script.withheld and { settings = false } or nil }
  conn:send_preface()
  conn._.peer_settings = 1
  if options.before then
    options.before(conn)
  end
  conn._.waited = true
  conn:send(options.stimulus or { name = "PING", data = "stimulus" })
  table.remove(wire.pings)
  return conn, wire, run
end

local function judged(script, wanted, options)
  local conn, wire, run = connection(script, options)
  return expect.wait(conn, wanted), wire, run, conn
end

local DEAD = { ended = "rst" }
local END = { ended = "fin" }
local NOISE = {
  frame("SETTINGS", 0, { settings = {} }), frame("PING", 0, { data = "theirs!!" }), frame("UNKNOWN", 9, { type = 0x42 }),
  frame("WINDOW_UPDATE", 0, { increment = 1 }), head(1, 103, { block_end_stream = false, end_stream = false }),
}

local function with_noise(script)
  local noisy = { alive = script.alive }
  for _, step in ipairs(script) do
    for _, event in ipairs(NOISE) do
      local copy = {}
      for key, value in pairs(event) do copy[key] = value end
      noisy[#noisy + 1] = copy
    end
    noisy[#noisy + 1] = step
  end
  return noisy
end

-- name, outcome, script of the peer, verdict, part of what is observed (or of a note)
local ROWS = {
  -- connection errors (5.4.1)
  { "the code", CE "FRAME_SIZE_ERROR", { goaway "FRAME_SIZE_ERROR" }, "pass", "GOAWAY(FRAME_SIZE_ERROR)" },
  { "a generic code", CE "FRAME_SIZE_ERROR", { goaway "PROTOCOL_ERROR" }, "pass", "the generic code" },
  { "INTERNAL_ERROR", CE "FRAME_SIZE_ERROR", { goaway "INTERNAL_ERROR" }, "pass", "the generic code" },
  { "a further code", CE { "PROTOCOL_ERROR", also = { "STREAM_CLOSED" } }, { goaway "STREAM_CLOSED" }, "pass", "applicable" },
  { "a code of the table", CE { "PROTOCOL_ERROR", about = "padding" }, { goaway "FRAME_SIZE_ERROR" }, "pass", "applicable" },
  { "another code", CE "PROTOCOL_ERROR", { goaway "FLOW_CONTROL_ERROR" }, "warn", "not of this code" },
  { "a soft code", CE { "PROTOCOL_ERROR", soft = { "CANCEL" } }, { goaway "CANCEL" }, "warn", "defensible" },
  { "a bare end", CE "PROTOCOL_ERROR", { END }, "pass", "no GOAWAY before the end" },
  { "a reset loses GOAWAY", CE "PROTOCOL_ERROR", { DEAD }, "pass", nil, 0 },
  { "GOAWAY optional", CE { "PROTOCOL_ERROR", goaway = "optional" }, { END }, "pass", nil, 0 },
  { "optional GOAWAY, any code", CE { "PROTOCOL_ERROR", goaway = "optional" }, { goaway "0xfffffc79" }, "pass", nil, 0 },
  { "optional GOAWAY, denied", CE { "PROTOCOL_ERROR", goaway = "optional" }, { goaway "NO_ERROR", END }, "pass", nil, 0 },
  { "an invalid preface", outcome.invalid_preface(), { goaway "PROTOCOL_ERROR" }, "pass", "a connection error" },
  { "an undecodable witness", IGN(), { "ack", "ack", { answer = 200, broken = true } }, "fail", "cannot be decoded" },
  { "an alert", CE "PROTOCOL_ERROR", { { ended = "alert", alert = "decode_error" } }, "pass", "the end" },
  { "late by 300 ms", CE "PROTOCOL_ERROR", { { wait = 0.3 }, goaway "PROTOCOL_ERROR" }, "pass", "GOAWAY" },
  { "after the first ACK", CE "PROTOCOL_ERROR", { "ack", goaway "PROTOCOL_ERROR" }, "pass", "GOAWAY" },
  { "after the second ACK", CE "PROTOCOL_ERROR", { "ack", "ack", goaway "PROTOCOL_ERROR" }, "pass", "GOAWAY" },
  { "only RST_STREAM", CE "PROTOCOL_ERROR", { reset(1, "PROTOCOL_ERROR"), alive = true }, "fail", "RST_STREAM(PROTOCOL_ERROR)" },
  { "nothing", CE "PROTOCOL_ERROR", { alive = true }, "fail", "PING acknowledged twice, witness request answered 200" },
  { "a response", CE "PROTOCOL_ERROR", { head(1, 200), alive = true }, "fail", "response 200 on stream 1" },
  { "silence", CE "PROTOCOL_ERROR", {}, "fail", "no answer to PING within 2 s" },
  { "no witness", CE "PROTOCOL_ERROR", { "ack", "ack" }, "fail", "no answer to the witness request" },
  { "denied", CE "PROTOCOL_ERROR", { goaway("NO_ERROR", 1), END }, "warn", "denies an error" },
  { "denied first", CE "PROTOCOL_ERROR", { goaway("NO_ERROR", 1), goaway "PROTOCOL_ERROR" }, "pass", "PROTOCOL_ERROR" },
  { "denied and open", CE "PROTOCOL_ERROR", { goaway("NO_ERROR", 1), alive = true }, "warn", "denies" },
  { "a graceful shutdown", CE "PROTOCOL_ERROR", { goaway("NO_ERROR", 0x7fffffff), END }, "inconclusive", "graceful" },
  { "our missing ACK", CE "PROTOCOL_ERROR", { goaway "SETTINGS_TIMEOUT", withheld = true }, "inconclusive", "held back" },
  { "their timeout", CE "PROTOCOL_ERROR", { goaway "SETTINGS_TIMEOUT" }, "warn", "not of this code" },

  -- stream errors (5.4.2)
  { "the stream's code", SE(1, "STREAM_CLOSED"), { reset(1, "STREAM_CLOSED") }, "pass", "RST_STREAM(STREAM_CLOSED)" },
  { "a generic reset", SE(1, "STREAM_CLOSED"), { reset(1, "PROTOCOL_ERROR") }, "pass", "the generic code" },
  { "as connection error", SE(1, "STREAM_CLOSED"), { goaway "STREAM_CLOSED" }, "pass", "GOAWAY" },
  { "as the end", SE(1, "STREAM_CLOSED"), { DEAD }, "pass", "the end" },
  { "CANCEL", SE(1, "STREAM_CLOSED"), { reset(1, "CANCEL") }, "warn", "not of this code" },
  { "NO_ERROR", SE(1, "STREAM_CLOSED"), { reset(1, "NO_ERROR") }, "warn", "not of this code" },
  { "refused", SE(1, "STREAM_CLOSED"), { reset(1, "REFUSED_STREAM") }, "inconclusive", "load" },
  { "refused as asked", SE(1, "PROTOCOL_ERROR", "REFUSED_STREAM"), { reset(1, "REFUSED_STREAM") }, "pass", "REFUSED" },
  { "another stream", SE(1, "STREAM_CLOSED"), { reset(5, "STREAM_CLOSED"), alive = true }, "fail", "on stream 5" },
  { "ACK before the reset", SE(1, "STREAM_CLOSED"), { "ack", reset(1, "STREAM_CLOSED") }, "pass", "RST_STREAM" },
  { "two ACKs before it", SE(1, "STREAM_CLOSED"), { "ack", "ack", reset(1, "STREAM_CLOSED") }, "pass", "RST_STREAM" },
  { "ended before it", SE(1, "STREAM_CLOSED"), { head(1, 200), reset(1, "STREAM_CLOSED") }, "pass", "RST_STREAM" },
  { "an ordinary response", SE(1, "STREAM_CLOSED"), { head(1, 200), alive = true }, "fail", "response 200 on stream 1" },

  -- malformed messages (8.1.1)
  { "reset", MAL(1), { reset(1, "PROTOCOL_ERROR") }, "pass", "RST_STREAM" },
  { "400", MAL(1), { head(1, 400) }, "pass", "response 400" },
  { "431", MAL(1), { head(1, 431) }, "pass", "response 431" },
  { "400 and reset", MAL(1), { head(1, 400, { block_end_stream = false }), reset(1, "NO_ERROR") }, "pass", "400" },
  { "GOAWAY", MAL(1), { goaway "PROTOCOL_ERROR" }, "pass", "GOAWAY" },
  { "the end", MAL(1), { END }, "pass", "the end" },
  { "501", MAL(1), { head(1, 501) }, "warn", "501" },
  { "503", MAL(1), { head(1, 503) }, "inconclusive", "503" },
  { "429", MAL(1), { head(1, 429) }, "inconclusive", "429" },
  { "200", MAL(1), { head(1, 200), alive = true }, "fail", "the request was accepted" },
  { "200 and GOAWAY", MAL(1), { head(1, 200), goaway "PROTOCOL_ERROR" }, "pass", "GOAWAY" },
  { "a late 400", MAL(1), { "ack", "ack", "answer", { wait = 1 }, head(1, 400), states = { "half-closed (local)" } }, "pass", "400" },
  { "no reaction", MAL(1), { "ack", "ack", "answer", states = { "half-closed (local)" } }, "fail", "no error came" },
  { "no reaction, open", MAL(1), { alive = true }, "fail", "PING acknowledged twice" },
  { "refused stream", MAL(1), { reset(1, "REFUSED_STREAM") }, "inconclusive", "load" },
  { "late, 200", MAL(1, { late = true }), { head(1, 200), alive = true }, "inconclusive", "may not depend" },
  { "late, 404", MAL(1, { late = true }), { head(1, 404) }, "pass", "404" },
  { "late, echoed", MAL(1, { late = true, depends = true }), { head(1, 200), alive = true }, "fail", "as good" },

  -- ignored
  { "alive", IGN(), { alive = true }, "pass", "PING acknowledged twice, witness request answered 200" },
  { "a response beside", IGN(), { head(1, 200), alive = true }, "pass", "answered 200" },
  { "late witness", IGN(), { "ack", "ack", { wait = 0.3 }, "answer" }, "pass", "answered 200" },
  { "404 witness", IGN(), { "ack", "ack", { answer = 404 } }, "pass", "answered 404" },
  { "400 witness", IGN(), { "ack", "ack", { answer = 400 } }, "fail", "answered 400" },
  { "503 witness", IGN(), { "ack", "ack", { answer = 503 } }, "inconclusive", "answered 503" },
  { "500 witness", IGN(), { "ack", "ack", { answer = 500 } }, "inconclusive", "answered 500" },
  { "witness reset", IGN(), { "ack", "ack", { reset_witness = "PROTOCOL_ERROR" } }, "fail", "was reset" },
  { "witness refused", IGN(), { "ack", "ack", { reset_witness = "REFUSED_STREAM" } }, "inconclusive", "REFUSED" },
  { "GOAWAY error", IGN(), { goaway "PROTOCOL_ERROR" }, "fail", "GOAWAY(PROTOCOL_ERROR)" },
  { "error after ACKs", IGN(), { "ack", "ack", goaway "PROTOCOL_ERROR" }, "fail", "GOAWAY" },
  { "GOAWAY calm", IGN(), { goaway "ENHANCE_YOUR_CALM" }, "inconclusive", "load" },
  { "GOAWAY uncalled", IGN(), { goaway "NO_ERROR", END }, "inconclusive", "nothing called" },
  { "a bare close", IGN(), { END }, "fail", "the end of the connection (FIN)" },
  { "a stream error", IGN(), { reset(1, "PROTOCOL_ERROR"), alive = true }, "fail", "RST_STREAM(PROTOCOL_ERROR)" },
  { "a refused stream", IGN(), { reset(1, "REFUSED_STREAM"), alive = true }, "inconclusive", "load" },
  { "after a response", IGN(), { head(1, 200), reset(1, "NO_ERROR"), alive = true }, "pass", "answered 200" },
  { "no ACK", IGN(), {}, "fail", "no answer to PING" },
  { "their own PING is none", IGN(), { frame("PING", 0, { data = "h2p00001" }) }, "fail", "no answer to PING" },
  { "limit", IGN(), { alive = true, settings = { MAX_CONCURRENT_STREAMS = 0 } }, "pass", "concurrent streams" },
  { "an unwanted response", IGN { no_response = 1 }, { head(1, 200), alive = true }, "fail", "response 200" },

  -- no_error
  { "no error", outcome.no_error(), { alive = true }, "pass", "PING acknowledged twice" },
  { "goodbye", outcome.no_error(), { END }, "pass", "the end" },
  { "goodbye by GOAWAY", outcome.no_error(), { goaway "NO_ERROR", END }, "pass", "GOAWAY(NO_ERROR)" },
  { "an error for it", outcome.no_error(), { goaway "PROTOCOL_ERROR" }, "fail", "GOAWAY(PROTOCOL_ERROR)" },

  -- response (8.1)
  { "any status", RESPONSE(1), { head(1, 404) }, "pass", "response 404" },
  { "the status", RESPONSE(1, 200), { head(1, 200) }, "pass", "response 200" },
  { "the class", RESPONSE(1, "2xx"), { head(1, 204) }, "pass", "204" },
  { "one of a list", RESPONSE(1, { "2xx", 404 }), { head(1, 404) }, "pass", "404" },
  { "another status", RESPONSE(1, 200), { head(1, 404) }, "fail", "404" },
  { "busy", RESPONSE(1, 200), { head(1, 503) }, "inconclusive", "503" },
  { "busy, any", RESPONSE(1), { head(1, 429) }, "inconclusive", "429" },
  { "busy as asked", RESPONSE(1, 503), { head(1, 503) }, "pass", "503" },
  { "interim first", RESPONSE(1), { head(1, 100, { block_end_stream = false }), head(1, 200) }, "pass", "200" },
  { "late response", RESPONSE(1), { { wait = 1.5 }, head(1, 200) }, "pass", "200" },
  { "reset instead", RESPONSE(1), { reset(1, "PROTOCOL_ERROR") }, "fail", "RST_STREAM" },
  { "refused request", RESPONSE(1), { reset(1, "REFUSED_STREAM") }, "inconclusive", "load" },
  { "closed instead", RESPONSE(1), { END }, "fail", "the end" },
  { "graceful, still served", RESPONSE(1), { goaway("NO_ERROR", 1), head(1, 200) }, "pass", "200" },
  { "graceful, not served", RESPONSE(1), { goaway("NO_ERROR", 0) }, "inconclusive", "nothing called" },
  { "no response", RESPONSE(1), { alive = true }, "fail", "no response on stream 1 within 2 s" },
  { "no end", RESPONSE(1), { head(1, 200, { block_end_stream = false }) }, "fail", "without an end" },
  { "undecodable", RESPONSE(1), { head(1, 200, { field_error = { status = "index-range", offset = 0, message = "m" } }) }, "fail", "decoded" },

  -- ends
  { "closed", outcome.closed(), { goaway "PROTOCOL_ERROR", END }, "pass", "the end" },
  { "still open", outcome.closed(), { goaway "PROTOCOL_ERROR" }, "fail", "still open after 2 s" },
  { "alert", outcome.tls_alert "no_application_protocol", { { ended = "alert", alert = "no_application_protocol" } }, "pass",
    "no_application_protocol", 0 },
  { "another alert", outcome.tls_alert "no_application_protocol", { { ended = "alert", alert = "handshake_failure" } }, "pass",
    "the alert was handshake_failure" },
  { "plain close", outcome.tls_alert "no_application_protocol", { END }, "pass", "no TLS alert" },

  -- combinations
  { "any: the second", ANY { CE "PROTOCOL_ERROR", SE(1, "STREAM_CLOSED") }, { reset(1, "STREAM_CLOSED") }, "pass", "RST_STREAM" },
  { "any: ignored", ANY { CE "PROTOCOL_ERROR", IGN() }, { alive = true }, "pass", "PING acknowledged twice" },
  { "any: none", ANY { CE "PROTOCOL_ERROR", RESPONSE(1) }, { reset(1, "CANCEL"), alive = true }, "fail", "" },
  { "soft", SOFT(SE(1, "STREAM_CLOSED"), "an old reading"), { reset(1, "STREAM_CLOSED") }, "warn", "an old reading" },
  { "soft, then better", ANY { CE "STREAM_CLOSED", SOFT(IGN(), "5.1") }, { "ack", goaway "STREAM_CLOSED" }, "pass", "GOAWAY" },
  { "soft in the end", ANY { CE "STREAM_CLOSED", SOFT(IGN(), "5.1") }, { alive = true }, "warn", "5.1" },
}

local function assert_row(row, verdict)
  local _, _, _, wanted, part, notes = table.unpack(row, 1, 6)
  assert.equal(wanted, verdict.verdict, tostring(verdict))
  if part then
    local text = tostring(verdict.observed) .. " " .. table.concat(verdict.notes, " ")
    assert.truthy(text:find(part, 1, true), text)
  end
  if notes then
    assert.equal(notes, #verdict.notes)
  end
  assert.truthy(verdict.expected)
end

local function copied(script)
  local copy = {}
  for key, value in pairs(script) do
    if type(value) == "table" and math.type(key) == "integer" then
      local inner = {}
      for k, v in pairs(value) do inner[k] = v end
      value = inner
    end
    copy[key] = value
  end
  return copy
end

describe("an outcome", function()
  for _, row in ipairs(ROWS) do
    it(("says %s: %s (%s)"):format(row[4], row[1], row[2].expected), function()
      assert_row(row, (judged(copied(row[3]), row[2])))
    end)
  end
end)

describe("legal frames beside it change no verdict:", function()
  for _, row in ipairs(ROWS) do
    if row[1] ~= "their own PING is none" and not row[3].withheld and row[2] ~= nil and not row[1]:find "unwanted" then
      it(row[1] .. " (" .. row[2].expected .. ")", function()
        local script = with_noise(copied(row[3]))
        for key, value in pairs(row[3]) do
          if type(key) == "string" then script[key] = value end
        end
        assert.equal(row[4], (judged(script, row[2])).verdict)
      end)
    end
  end
end)

describe("expect", function()
  it("marks accusations that rest on silence", function()
    assert.True(judged({ alive = true }, CE "PROTOCOL_ERROR").silent)
    assert.True(judged({}, IGN()).silent)
    assert.False(judged({ goaway "PROTOCOL_ERROR" }, IGN()).silent)
    assert.False(judged({ head(1, 404) }, RESPONSE(1, 200)).silent)
  end)

  it("asks a patient run's peer three witnesses", function()
    local verdict = judged({ alive = true }, CE "PROTOCOL_ERROR", { patient = true })
    assert.equal("fail", verdict.verdict)
    local _, wire = judged({ alive = true }, IGN(), { patient = true })
    assert.equal(3, #wire.requests)
  end)

  it("asks at once where nothing has to come, and after a while where something has to", function()
    local begun = peer.clock()
    judged({ alive = true }, IGN())
    assert.is_true(peer.clock() - begun < 0.02)
    begun = peer.clock()
    judged({ alive = true }, CE "PROTOCOL_ERROR")
    assert.is_true(peer.clock() - begun > 0.049)
  end)

  it("asks nothing inside an unfinished frame or field block", function()
    local open_block = { name = "HEADERS", stream = 1, fragment = "x", end_headers = false }
    local verdict, wire = judged({ alive = true }, CE "PROTOCOL_ERROR", { stimulus = open_block })
    assert.equal("fail", verdict.verdict)
    assert.truthy(verdict.observed:find("no reaction within 2 s", 1, true), verdict.observed)
    assert.equal(0, #wire.pings)
    local lying = { name = "DATA", stream = 1, data = "abc", length = 100 }
    verdict = judged({ alive = true }, IGN(), { stimulus = lying })
    assert.equal("inconclusive", verdict.verdict)
  end)

  it("takes nothing for an answer that came before the stimulus", function()
    local function before(conn)
      conn:recv("RST_STREAM", 0.1)
    end
    assert.equal("inconclusive", judged({ reset(1, "STREAM_CLOSED"), alive = true }, SE(1, "STREAM_CLOSED"),
      { before = before }).verdict)
    assert.equal("inconclusive", judged({ goaway "STREAM_CLOSED" }, CE "STREAM_CLOSED",
      { before = function(conn) conn:recv("GOAWAY", 0.1) end }).verdict)
  end)

  it("bounds the whole case, however busy the peer is", function()
    local busy = {}
    for index = 1, 100 do
      busy[index * 2 - 1] = { wait = 0.1 }
      busy[index * 2] = frame("PING", 0, { data = "busybusy" })
    end
    local begun = peer.clock()
    assert.equal("fail", judged(busy, CE "PROTOCOL_ERROR").verdict)
    assert.is_true(peer.clock() - begun < 2.2)
  end)

  it("raises what does not pass and keeps the notes of what does", function()
    local conn, _, run = connection { END }
    conn:expect(CE "PROTOCOL_ERROR")
    assert.same({ "no GOAWAY before the end of the connection" }, run.notes)
    conn = connection { goaway "CANCEL" }
    local ok, raised = pcall(conn.expect, conn, CE "PROTOCOL_ERROR")
    assert.False(ok)
    assert.equal("warn", raised.verdict)
    assert.has_error(function() conn:expect(true) end)
  end)

  it("asks in one write with a stimulus that is no error, so that a peer reads both or neither", function()
    local _, wire = judged({ { ended = "fin" } }, outcome.no_error())
    assert.equal("h2p00001", wire.sent[wire.flushed].data)
    _, wire = judged({ { ended = "fin" } }, CE "PROTOCOL_ERROR")
    assert.equal("stimulus", wire.sent[wire.flushed].data)
  end)

  it("asks in time for an answer, however slow the peer was before", function()
    local slow = { before = function(conn) conn._.rtt = 0.5 end }
    assert.equal("fail", judged({ alive = true }, CE "PROTOCOL_ERROR", slow).verdict)
    local _, wire = judged({ alive = true }, CE "PROTOCOL_ERROR", slow)
    assert.equal("h2p00002", wire.sent[#wire.sent - 1].data)
  end)

  it("sends the same PING payloads in every run", function()
    local _, wire = judged({ alive = true }, IGN())
    local _, again = judged({ alive = true }, IGN())
    local function payloads(of)
      local list = {}
      for _, sent in ipairs(of.sent) do list[#list + 1] = sent.data end
      return list
    end
    assert.same(payloads(wire), payloads(again))
    assert.same({ "stimulus", "h2p00001", "h2p00002" }, payloads(wire))
  end)
end)

describe("an outcome's constructor", function()
  for _, row in ipairs {
    { CE }, { CE, "NO_SUCH_CODE" }, { CE, { "PROTOCOL_ERROR", alos = {} } }, { CE, { "PROTOCOL_ERROR", about = "x" } },
    { SE, "PROTOCOL_ERROR" }, { SE, 1 }, { MAL }, { RESPONSE, "200" }, { ANY, {} }, { ANY, { 1 } }, { SOFT, 1 },
    { outcome.tls_alert, "no_such_alert" },
  } do
    it("refuses " .. tostring(row[2]), function()
      assert.has_error(function() row[1](row[2]) end)
    end)
  end
end)
