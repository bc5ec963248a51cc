-- Faults and messages to requirements: what the watchman reports, and what it does not.
local catalogue = require "h2probe.watch.catalogue"
local faults = require "h2probe.watch.faults"
local output = require "h2probe.conn_output"
local requirements = require "h2probe.requirements"
local watch = require "h2probe.watch"

local function frame(name, stream, more)
  local event = { event = "frame", name = name, stream = stream, length = 0, seq = 1 }
  for key, value in pairs(more or {}) do event[key] = value end
  return event
end

local function fault(name, slug, more)
  local event = frame(name, 1, more)
  event.faults = { [slug] = true }
  return event
end

local function response(list, more)
  local event = frame("HEADERS", 1, more)
  event.fields, event.block_stream, event.block_type = list, 1, "HEADERS"
  return event
end

local OK = { { ":status", "200" } }

-- event, requirement or false, role
local ROWS = {
  { fault("PING", "length"), "RFC9113-6.7-1" },
  { fault("RST_STREAM", "length"), "RFC9113-4.2-14" },
  { fault("DATA", "padding-octets"), "RFC9113-6.1-1" },
  { fault("HEADERS", "padding-octets"), "RFC9113-6.2-1" },
  { fault("SETTINGS", "ack-payload"), "RFC9113-6.5-5" },
  { fault("SETTINGS", "stream-nonzero"), "RFC9113-6.5-7" },
  { fault("DATA", "stream-zero"), "RFC9113-6.1-11" },
  { fault("DATA", "reserved-bit"), "RFC9113-4.1-5" },
  { fault("DATA", "undefined-flags"), "RFC9113-4.1-4" },
  { fault("UNKNOWN", "undefined-flags", { type = 0x42 }), false },
  { fault("WINDOW_UPDATE", "increment-zero"), "RFC9113-6.9-8" },
  { fault("PING", "first-frame"), "RFC9113-3.4-4" },
  { fault("PING", "first-frame"), "RFC9113-3.4-2", "server" },
  { fault("GOAWAY", "first-frame"), false },
  { fault("DATA", "frame-size", { length = 16385 }), "RFC9113-4.1-1" },
  { fault("DATA", "frame-size", { length = 16384 }), false },
  { fault("PING", "block-interrupted"), "RFC9113-4.3-2" },
  { fault("PRIORITY", "block-interrupted"), "RFC9113-6.3-4" },
  { fault("RST_STREAM", "idle-stream", { stream = 9 }), "RFC9113-6.4-4" },
  { fault("RST_STREAM", "idle-stream"), false },
  { fault("HEADERS", "idle-stream", { stream = 9 }), "RFC9113-8.1-1" },
  { fault("DATA", "idle-stream", { stream = 9 }), "RFC9113-6.1-4" },
  { fault("WINDOW_UPDATE", "idle-stream", { stream = 9 }), "RFC9113-5.1-3" },
  { fault("DATA", "half-closed-stream"), "RFC9113-6.1-4" },
  { fault("HEADERS", "closed-stream"), "RFC9113-5.1-26" },
  { fault("WINDOW_UPDATE", "closed-stream"), false },
  { fault("RST_STREAM", "closed-stream"), false },
  { fault("DATA", "reset-stream-received"), false },
  { fault("DATA", "reset-stream-sent"), "RFC9113-5.4.2-2" },
  { fault("RST_STREAM", "reset-stream-sent"), false },
  { fault("DATA", "window-stream"), "RFC9113-6.9.1-1" },
  { fault("GOAWAY", "goaway-rising"), "RFC9113-6.8-6" },
  { fault("PING", "ping-ack-unasked"), "RFC9113-6.7-2" },
  { fault("SETTINGS", "settings-ack-unasked", { ack = true }), false },
  { fault("WINDOW_UPDATE", "window-overflow"), "RFC9113-6.9.1-5" },
  { fault("WINDOW_UPDATE", "window-overflow", { stream = 0 }), "RFC9113-6.9.1-6" },
  { fault("RST_STREAM", "reset-stream-received"), false },
  { fault("PUSH_PROMISE", "push-stream", { promised_stream = 3 }), "RFC9113-5.1.1-2" },
  { fault("PUSH_PROMISE", "push-stream", { promised_stream = 2 }), "RFC9113-6.6-1" },
  { fault("DATA", "oversized"), false },
  { fault("PUSH_PROMISE", "push-disabled"), "RFC9113-6.5.2-1" },
  { fault("HEADERS", "concurrency"), "RFC9113-5.1.2-1", "server" },
  { frame("SETTINGS", 0, { settings = { { id = 5, name = "MAX_FRAME_SIZE", value = 1 } } }), "RFC9113-6.5.2-11" },
  { frame("SETTINGS", 0, { settings = { { id = 5, name = "MAX_FRAME_SIZE", value = 16384 } } }), false },
  { frame("SETTINGS", 0, { settings = { { id = 2, name = "ENABLE_PUSH", value = 1 } } }), "RFC9113-6.5.2-5" },
  { frame("SETTINGS", 0, { settings = { { id = 2, name = "ENABLE_PUSH", value = 1 } } }), false, "server" },
  { frame("SETTINGS", 0, { settings = { { id = 8, name = "ENABLE_CONNECT_PROTOCOL", value = 2 } } }), "RFC8441-3-1" },
  { frame("SETTINGS", 0, { settings = { { id = 0x99, value = 7 } } }), false },
  { response(OK), false },
  { response { { ":status", "2" } }, "RFC9113-8.3.2-1" },
  { response { { ":status", "200" }, { "Server", "x" } }, "RFC9113-8.2-1" },
  { response { { ":status", "200" }, { "connection", "close" } }, "RFC9113-8.2.2-1" },
  { response { { ":status", "200" }, { "x y", "1" } }, "RFC9113-8.2.1-2" },
  { response { { ":status", "200" }, { "x", " 1" } }, "RFC9113-8.2.1-13" },
  { response { { "x", "1" }, { ":status", "200" } }, "RFC9113-8.3-5" },
  { response { { ":status", "200" }, { "http2-settings", "AAAA" } }, "RFC7540-3.2.1-3" },
  { response { { kind = "size_update", size = 8192 }, { ":status", "200" } }, "RFC9113-4.3.1-2" },
  { response { { kind = "size_update", size = 4096 }, { ":status", "200" } }, false },
  { frame("PRIORITY_UPDATE", 0), "RFC9218-7.1-10" },
  { frame("PRIORITY_UPDATE", 0), false, "server" },
  { frame("ALTSVC", 0, { origin = "http://a", value = "clear" }), false },
  { frame("ALTSVC", 1, { origin = "http://a", value = "clear" }), "RFC7838-4-6" },
  { response { { ":status", "101" } }, "RFC9113-8.6-1" },
  { response({ { ":status", "100" } }, { block_end_stream = true }), "RFC9113-8.1-5" },
  { response({}, { field_error = { status = "index-range", offset = 3, message = "m" } }), "RFC7541-3.2-5" },
  { response({}, { field_error = { status = "update-large", offset = 0, message = "m" } }), "RFC7541-4.2-1" },
  { fault("HEADERS", "update-missing"), "RFC9113-4.3.1-3" },
  { fault("HEADERS", "update-missing-empty"), "RFC9113-4.3.1-3" },
  { response({}, { field_error = { status = "limit", offset = 0, message = "m" } }), false },
}

-- A connection on which we sent three frames on stream 1.
local function connection(role)
  local out = output.new(role or "client")
  out.preface, out.frames, out.touched[1], out.highest, out.settings = nil, 3, 3, 1, 1
  return { role = role or "client", tls = { version = "TLSv1.3", cipher = "TLS_AES_128_GCM_SHA256" },
    _ = { streams = { [1] = { id = 1 } }, out = out, pings = {} } }
end

-- What a watchman says of events on one connection, which `prepare` may change before each.
local function said(events, prepare)
  local watchman, conn = watch.new(), connection()
  for at, event in ipairs(events) do
    if prepare then prepare(conn, watchman, at) end
    watchman:event(conn, event)
  end
  local list = {}
  for _, finding in ipairs(watchman:findings()) do
    list[#list + 1] = finding.requirement .. (finding.soft and " soft" or "")
  end
  return list
end

local function data(octets, more)
  local event = frame("DATA", 1, more)
  event.data, event.length = octets, #octets
  return event
end

local function answered(status, length, method)
  return function(conn, watchman, at)
    local stream = conn._.streams[1]
    stream.response = { status = status, fields = { { ":status", tostring(status) }, { "content-length", length } } }
    stream.body_size, stream.data_frames = 5, at
    watchman:request(1, { { ":method", method or "GET" } })
  end
end

local function goaway(last, error)
  return frame("GOAWAY", 0, { last_stream = last, error = error or "NO_ERROR" })
end

local function reset(error)
  return frame("RST_STREAM", 1, { error = error or "CANCEL" })
end

describe("the watchman", function()
  for _, row in ipairs(ROWS) do
    local event = row[1]
    it(("says %s of %s %s"):format(row[2] or "nothing", event.name, next(event.faults or {}) or ""), function()
      local watchman = watch.new()
      watchman:event(connection(row[3]), event)
      local first = watchman:findings()[1]
      assert.equal(row[2] or nil, first and first.requirement)
      assert.is_true(#watchman:findings() <= 1)
    end)
  end

  it("reports a requirement once for a connection, with its text", function()
    local findings = {}
    local watchman, conn = watch.new(findings), connection()
    watchman:event(conn, fault("PING", "length"))
    watchman:event(conn, fault("PING", "length"))
    assert.equal(1, #findings)
    assert.equal("PING on stream 1: the length does not fit the type", findings[1].text)
    assert.equal(conn, findings[1].conn)
  end)

  it("marks what has a defence", function()
    local watchman = watch.new()
    watchman:event(connection(), fault("HEADERS", "update-missing-empty"))
    watchman:event(connection(), fault("HEADERS", "update-missing"))
    assert.True(watchman:findings()[1].soft)
    assert.False(watchman:findings()[2].soft)
  end)

  it("checks trailers as trailers", function()
    local list = { { ":status", "200" } }
    local conn = connection()
    conn._.streams[1] = { response = {}, trailers = list }
    local watchman = watch.new()
    watchman:event(conn, response(list, { block_end_stream = true }))
    assert.equal("RFC9113-8.1-7", watchman:findings()[1].requirement)
  end)

  it("asks for content of the announced length, where there is content", function()
    local last = { end_stream = true }
    assert.same({}, said({ data("12345", last) }, answered(200, "5")))
    assert.same({ "RFC9113-8.1.1-1" }, said({ data("12345", last) }, answered(200, "4")))
    assert.same({ "RFC9113-8.1.1-2" }, said({ data("12"), data("345", last) }, answered(200, "4")))
    assert.same({ "RFC9113-8.1.1-3" }, said({ data("12345", last) }, answered(200, "6")))
    assert.same({}, said({ data("", last) }, answered(200, "6", "HEAD")))
    assert.same({}, said({ data("12345", last) }, answered(200, "6", "CONNECT")))
    assert.same({}, said({ data("", last) }, answered(304, "6")))
  end)

  it("does not judge content where nobody knows what was asked for", function()
    assert.same({}, said({ data("12345", { end_stream = true }) }, function(conn, watchman, at)
      answered(200, "6")(conn, watchman, at)
      watchman.methods[1] = false
    end))
  end)

  it("wants no content in responses to HEAD, 204 and 304", function()
    assert.same({ "RFC9113-8.1-18" }, said({ data "12345" }, answered(200, "5", "HEAD")))
    assert.same({ "RFC9113-8.1-18" }, said({ data "12345" }, answered(204, "5")))
    assert.same({ "RFC9113-8.1-18" }, said({ data "12345" }, answered(304, "5")))
    assert.same({}, said({ data("", { end_stream = true }) }, answered(304, "5")))
  end)

  it("wants a final response before DATA", function()
    assert.same({ "RFC9113-8.1-2" }, said { data "x" })
  end)

  it("counts RST_STREAM frames, but not those that answer frames of ours", function()
    assert.same({ "RFC9113-5.4.2-4" }, said { reset(), reset() })
    assert.same({}, said({ reset(), reset() }, function(conn, _, at) conn._.out.touched[1] = at end))
  end)

  it("knows which streams reached the application", function()
    local function status(code)
      return function(conn) conn._.streams[1].response = { status = code, fields = {} } end
    end
    assert.same({ "RFC9113-8.7-1" }, said({ reset "REFUSED_STREAM" }, status(200)))
    assert.same({}, said({ reset "REFUSED_STREAM" }, status(400)))
    assert.same({ "RFC9113-8.7-2" }, said({ data "x", goaway(0) }, status(200)))
    assert.same({}, said({ data "x", goaway(0) }, status(400)))
    assert.same({ "RFC9113-8.7-2" }, said({ goaway(0), data "x" }, status(200)))
    assert.same({}, said({ goaway(1), data "x" }, status(200)))
  end)

  it("compares GOAWAY with the streams that there are", function()
    assert.same({ "RFC9113-6.8-5 soft" }, said { goaway(3) })
    assert.same({}, said { goaway(1), goaway(0x7fffffff) })
    assert.same({ "RFC9113-5.4-1" }, said { goaway(1, "PROTOCOL_ERROR"), goaway(1, "PROTOCOL_ERROR") })
    assert.same({}, said { goaway(1), goaway(1, "PROTOCOL_ERROR") })
    assert.same({ "RFC9113-9.2.2-3" }, said { goaway(1, "INADEQUATE_SECURITY") })
  end)

  it("accuses late frames only two round trips after our reset", function()
    local function since(pings)
      return function(_, watchman) watchman.resets[1], watchman.pings = 1, pings end
    end
    assert.same({}, said({ fault("DATA", "reset-stream-received") }, since(2)))
    assert.same({ "RFC9113-6.4-1" }, said({ fault("DATA", "reset-stream-received") }, since(3)))
    assert.same({ "RFC9113-5.4.2-5" }, said({ fault("RST_STREAM", "reset-stream-received") }, since(3)))
  end)

  it("says what interrupts a field block", function()
    local open = frame("HEADERS", 1, { end_headers = false })
    local more = frame("CONTINUATION", 1, { end_headers = false })
    assert.same({ "RFC9113-6.2-3" }, said { open, fault("WINDOW_UPDATE", "block-interrupted") })
    assert.same({ "RFC9113-6.10-2" }, said { open, more, fault("WINDOW_UPDATE", "block-interrupted") })
    assert.same({ "RFC9113-4.3-2" }, said { open, fault("PING", "block-interrupted", { stream = 0 }) })
  end)

  it("counts acknowledgements against all SETTINGS of ours", function()
    local ack = fault("SETTINGS", "settings-ack-unasked", { ack = true })
    assert.same({ "RFC9113-6.5.3-8" }, said { ack, ack })
    assert.same({ "RFC9113-6.5.3-8 soft" }, said({ ack, ack }, function(_, watchman) watchman.upgraded = true end))
    assert.same({}, said({ ack, ack }, function(conn) conn._.out.settings = 2 end))
  end)

  it("compares SETTINGS frames", function()
    local function values(name, ...)
      local list = {}
      for i, value in ipairs { ... } do
        list[i] = frame("SETTINGS", 0, { settings = value ~= "" and { { name = name, value = value } } or {} })
      end
      return list
    end
    assert.same({ "RFC8441-3-4" }, said(values("ENABLE_CONNECT_PROTOCOL", 1, 0)))
    assert.same({}, said(values("ENABLE_CONNECT_PROTOCOL", 0, 1, 1)))
    assert.same({ "RFC9218-2.1-3" }, said(values("NO_RFC7540_PRIORITIES", "", 1)))
    assert.same({ "RFC9218-2.1-4" }, said(values("NO_RFC7540_PRIORITIES", 0, 1)))
    assert.same({}, said(values("NO_RFC7540_PRIORITIES", 1, 1, "")))
  end)

  it("reads heads of HTTP/1.1", function()
    local function of(status, ...)
      local watchman = watch.new()
      watchman:head(connection(), { status = status, fields = { ... } })
      local first = watchman:findings()[1]
      return first and first.requirement
    end
    local named, upgrade = { "Connection", "close, Upgrade" }, { "Upgrade", "h2c" }
    assert.equal(nil, of(101, named, upgrade))
    assert.equal(nil, of(200, named, upgrade))
    assert.equal("RFC9110-7.8-3", of(101, named))
    assert.equal("RFC9110-7.8-7", of(426))
    assert.equal("RFC9110-7.6.1-1", of(200, upgrade))
    assert.equal("RFC7540-3.2.1-3", of(200, { "HTTP2-Settings", "" }))
  end)

  it("compares the selected protocol with those offered", function()
    local function of(names, selected)
      local watchman = watch.new()
      watchman:handshake(connection(), names, { alpn = selected })
      local first = watchman:findings()[1]
      return first and first.requirement
    end
    assert.equal(nil, of({ "h2", "http/1.1" }, "http/1.1"))
    assert.equal(nil, of({ "h2" }, nil))
    assert.equal(nil, of("\2h2", "x"))
    assert.equal("RFC7301-3.2-3", of({ "h2" }, "http/1.1"))
    assert.equal("RFC7301-3.1-8", of(nil, "h2"))
  end)

  it("has only faults of the engine, and every rule that it names is in the catalogue of rules", function()
    local known, engine, listed = requirements.load(), require "h2probe.engine", {}
    for _, row in ipairs(faults.ROWS) do
      assert.truthy(engine.faults[row[1]], row[1])
    end
    for _, row in ipairs(catalogue.rules) do
      assert.truthy(known[row[1]], row[1])
      assert.falsy(listed[row[1]], row[1])
      listed[row[1]] = true
    end
    for _, name in ipairs { "faults", "hpack", "messages", "settings", "streams", "transport" } do
      local file <close> = assert(io.open("lua/watch/" .. name .. ".lua"))
      for id in file:read "a":gmatch '"(RFC%d+%-[%d.]+%-%d+)"' do
        assert.truthy(listed[id], id)
      end
    end
  end)
end)
