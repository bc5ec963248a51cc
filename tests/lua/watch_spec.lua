-- Faults and messages to requirements: what the watchman reports, and what it does not.
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
  { fault("DATA", "frame-size"), "RFC9113-4.1-1" },
  { fault("PING", "block-interrupted"), "RFC9113-4.3-2" },
  { fault("PRIORITY", "block-interrupted"), "RFC9113-6.3-4" },
  { fault("RST_STREAM", "idle-stream"), "RFC9113-6.4-4" },
  { fault("DATA", "half-closed-stream"), "RFC9113-6.1-4" },
  { fault("HEADERS", "closed-stream"), "RFC9113-5.1-26" },
  { fault("WINDOW_UPDATE", "closed-stream"), false },
  { fault("RST_STREAM", "closed-stream"), false },
  { fault("DATA", "reset-stream-received"), false },
  { fault("DATA", "reset-stream-sent"), "RFC9113-5.4.2-2" },
  { fault("RST_STREAM", "reset-stream-sent"), false },
  { fault("DATA", "window-stream"), "RFC9113-6.9.1-1" },
  { fault("GOAWAY", "goaway-rising"), "RFC9113-6.8-6" },
  { fault("PING", "ping-ack-unasked"), false },
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
  { response { { ":status", "101" } }, "RFC9113-8.6-1" },
  { response({ { ":status", "100" } }, { block_end_stream = true }), "RFC9113-8.1-5" },
  { response({}, { field_error = { status = "index-range", offset = 3, message = "m" } }), "RFC7541-3.2-5" },
  { response({}, { field_error = { status = "update-large", offset = 0, message = "m" } }), "RFC7541-6.3-3" },
  { fault("HEADERS", "update-missing"), "RFC9113-4.3.1-3" },
  { fault("HEADERS", "update-missing-empty"), "RFC9113-4.3.1-3" },
  { response({}, { field_error = { status = "limit", offset = 0, message = "m" } }), false },
}

local function connection(role)
  return { role = role or "client", _ = { streams = { [1] = {} } } }
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

  it("names only rows of the catalogue and faults of the engine", function()
    local known, engine = requirements.load(), require "h2probe.engine"
    local function check(rule)
      if type(rule) == "string" then
        assert.truthy(known[rule], rule)
      else
        for _, inner in pairs(rule) do check(inner) end
      end
    end
    for slug, rule in pairs(watch.RULES) do
      assert.truthy(engine.faults[slug], slug)
      check(rule)
    end
  end)
end)
