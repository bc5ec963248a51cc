-- Stream states: what each type of frame may draw from a server in each state of the stream (RFC 9113 section 5.1).
--
-- One case for each pair, generated from STATES below. INITIAL_WINDOW_SIZE 0 keeps every response with content from
-- coming to its end, so that a stream stays in its state whatever the server answers, and however soon.
suite { "streams", title = "Stream states", rfc = 9113, section = "5.1" }

-- What may follow ----------------------------------------------------------------------------------------------------

local function connection_only() return connection_error "PROTOCOL_ERROR" end

local function connection_or_closed() return connection_error("PROTOCOL_ERROR", "STREAM_CLOSED") end

local function no_reaction() return ignored() end

local function no_response(stream) return ignored { no_response = stream } end

local function stream_closed(stream) return stream_error(stream, "STREAM_CLOSED") end

local function stream_closed_or_protocol(stream) return stream_error(stream, "STREAM_CLOSED", "PROTOCOL_ERROR") end

local function answered(stream) return response(stream) end

local function idle_data(stream)
  return any_of {
    connection_error { "PROTOCOL_ERROR", about = "idle-data" },
    soft(stream_error(stream, "STREAM_CLOSED"), "6.1 asks for a stream error, but 6.4 forbids RST_STREAM on an idle stream"),
  }
end

local function orphan_continuation(stream)
  return any_of {
    connection_error("PROTOCOL_ERROR", "STREAM_CLOSED"),
    soft(stream_error(stream, "STREAM_CLOSED"), "5.1 asks for a stream error, 6.10 for a connection error"),
  }
end

local function late_data(stream)
  return any_of {
    stream_error(stream, "STREAM_CLOSED", "PROTOCOL_ERROR"),
    soft(ignored { no_response = stream }, "5.1 allows minimal processing on closed streams, 6.1 asks for a stream error"),
  }
end

local function late_headers(stream)
  return any_of { stream_error(stream, "STREAM_CLOSED", "PROTOCOL_ERROR"), ignored { no_response = stream } }
end

local function late_other(stream)
  return any_of {
    connection_error("STREAM_CLOSED", "PROTOCOL_ERROR"), ignored(),
    soft(stream_error(stream, "STREAM_CLOSED"), "an error for a frame that has no effect"),
  }
end

local function ignored_or_closed()
  return any_of { ignored(), connection_error("STREAM_CLOSED", "PROTOCOL_ERROR") }
end

local function late_trailers(stream)
  return any_of {
    ignored { no_response = stream },
    soft(connection_error("STREAM_CLOSED", "PROTOCOL_ERROR"), "the server cannot tell late trailers from a reused stream"),
  }
end

local function unexpected_identifier(stream)
  return any_of {
    connection_error { "PROTOCOL_ERROR", "STREAM_CLOSED" },
    soft(stream_error(stream, "STREAM_CLOSED"), "the skipped stream is closed as well (5.1)"),
    soft(ignored { no_response = stream },
      "the skipped stream is closed as well, and minimal processing is allowed (5.1)"),
  }
end

-- How a stream comes into a state: its identifier. What these send leaves in one write with the frame under test,
-- unless they wait.

local function requested(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { path = target.paths.content }
end

local function half_requested(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { method = "POST", path = target.paths.content, end_stream = false }
end

local function completed(conn)
  local stream = conn:request { path = target.path }
  local answer = conn:response(stream)
  if not (answer and answer.ended) or answer.reset then inconclusive "the exchange did not come to its end" end
  return stream
end

local function answered_early(conn)
  local stream = conn:request { method = "OPTIONS", path = target.path, end_stream = false }
  conn:get(target.path) -- what is answered before the request has ended is answered before a later request,
  conn:barrier()
  conn:get(target.path) -- and reset, if the server does that, before one that is later still
  conn:barrier()
  if conn:state(stream) ~= "half-closed (remote)" then -- as the client sees it
    skip "the server does not answer and keep the stream open before the request has ended"
  end
  return stream
end

local function reset_by_client(conn)
  local stream = half_requested(conn)
  conn:send(RST_STREAM { stream = stream, error = "CANCEL" })
  conn:settings {} -- an answer that was on its way has come by then
  return stream
end

-- An end without a word says nothing about how the server answers a stream error.
local function overflowed(conn)
  local stream = half_requested(conn)
  conn:send(WINDOW_UPDATE { stream = stream, increment = 0x7fffffff },
    WINDOW_UPDATE { stream = stream, increment = 0x7fffffff })
  local reset = conn:recv { name = "RST_STREAM", stream = stream }
  if not reset and conn:ended() and conn:count { name = "GOAWAY" } == 0 then
    inconclusive "the connection ended without GOAWAY"
  end
  if not reset then skip "the server does not answer a window above 2^31-1 by a stream error" end
  return stream
end

-- The frame under test follows the reset at once: whether the server goes on to a connection error is seen on another
-- connection.
local function reset_by_server(conn)
  local other = connect {}
  overflowed(other)
  if not other:barrier() or other:count { name = "GOAWAY" } > 0 then
    skip "the server ends the connection after the stream error"
  end
  return overflowed(conn)
end

local function used_and_idle(conn)
  conn:get(target.path)
  return conn:new_stream()
end

local function skipped(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  local lower, used = conn:new_stream(), conn:new_stream()
  conn:request { path = target.paths.content, stream = used }
  return lower
end

-- The frames under test --------------------------------------------------------------------------------------------

local frames = {
  DATA = function(stream) return DATA { stream = stream, end_stream = true, "x" } end,
  HEADERS = function(stream)
    return HEADERS { stream = stream, end_stream = true, fields = unindexed(get(target.path)) }
  end,
  trailers = function(stream)
    return HEADERS { stream = stream, end_stream = true, fields = unindexed { { "x-late", "1" } } }
  end,
  CONTINUATION = function(stream) return CONTINUATION { stream = stream, fields = unindexed { { "x-late", "1" } } } end,
  WINDOW_UPDATE = function(stream) return WINDOW_UPDATE { stream = stream, increment = 1 } end,
  RST_STREAM = function(stream) return RST_STREAM { stream = stream, error = "CANCEL" } end,
  PRIORITY = function(stream) return PRIORITY { stream = stream, weight = 15 } end,
  PUSH_PROMISE = function(stream)
    return PUSH_PROMISE { stream = stream, promised_stream = 2, fields = unindexed(get "/") }
  end,
  unknown = function(stream) return FRAME { type = 0x16, stream = stream, payload = "8 octets" } end,
}

local NAMES <const> = { trailers = "HEADERS", unknown = "a frame of unknown type" }

-- The table: state, frame, requirement, outcome --------------------------------------------------------------------------
--
-- A row: the frame; req; what may follow; violate (default: req); h2spec; after(conn, stream): a second step.

local function finish(conn, stream)
  conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
  conn:expect(response(stream, "2xx"))
end

-- The stream is over for both sides once the window is open.
local function open_window(conn, stream)
  conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
end

-- The server had nothing left to stop.
local function no_reset(conn, stream)
  check(conn:count { name = "RST_STREAM", stream = stream } == 0, "no RST_STREAM", "RST_STREAM for RST_STREAM")
end

local STATES <const> = {
  { id = "idle", title = "an idle stream", enter = function(conn) return conn:new_stream() end, rows = {
    { "DATA", "RFC9113-5.1-1", idle_data, h2spec = "http2/5.1/1" },
    { "HEADERS", "RFC9113-5.1-9", function(stream) return response(stream, target.status) end,
      h2spec = { "generic/3.2/1", "generic/4/1" } },
    { "CONTINUATION", "RFC9113-5.1-4", connection_only, h2spec = "http2/5.1/4" },
    { "WINDOW_UPDATE", "RFC9113-5.1-3", connection_only, h2spec = "http2/5.1/3" },
    { "RST_STREAM", { "RFC9113-5.1-2", "RFC9113-6.4-5" }, connection_only, h2spec = { "http2/5.1/2", "http2/6.4/2" },
      violate = { "RFC9113-5.1-2", "RFC9113-6.4-5" } },
    { "PRIORITY", "RFC9113-5.1-10", no_reaction, h2spec = "generic/2/1" },
    { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only, h2spec = "http2/8.2/1" },
    { "unknown", "RFC9113-5.1-46", no_reaction },
  } },
  { id = "idle-above", title = "an idle stream above one that was used", enter = used_and_idle, rows = {
    { "DATA", "RFC9113-5.1-1", idle_data },
    { "CONTINUATION", "RFC9113-5.1-4", connection_only },
    { "WINDOW_UPDATE", "RFC9113-5.1-3", connection_only },
    { "RST_STREAM", { "RFC9113-5.1-2", "RFC9113-6.4-5" }, connection_only },
    { "PRIORITY", "RFC9113-5.1-10", no_reaction },
    { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
    { "unknown", "RFC9113-5.1-46", no_reaction },
  } },
  { id = "idle-even", title = "an idle stream of the server's", enter = function() return 2 end, rows = {
    { "DATA", "RFC9113-5.1-5", idle_data },
    { "HEADERS", "RFC9113-5.1-6", connection_only, h2spec = "http2/5.1.1/1" },
    { "CONTINUATION", "RFC9113-6.10-6", connection_only },
    { "WINDOW_UPDATE", "RFC9113-5.1-5", connection_only },
    { "RST_STREAM", "RFC9113-5.1-5", connection_only },
    { "PRIORITY", "RFC9113-6.3-3", no_reaction },
    { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
    { "unknown", "RFC9113-5.1-46", no_reaction },
  } },
  { id = "open", title = "an open stream", enter = half_requested, needs = { "content" }, rows = {
    { "DATA", "RFC9113-5.1-16", answered, finish = open_window, violate = "RFC9113-5.1-16=DATA" },
    { "trailers", "RFC9113-5.1-16", answered, finish = open_window, violate = "RFC9113-5.1-16=HEADERS" },
    { "CONTINUATION", "RFC9113-6.10-6", connection_only, h2spec = "http2/6.10/4" },
    { "WINDOW_UPDATE", "RFC9113-5.1-16", no_reaction, violate = "RFC9113-5.1-16=WINDOW_UPDATE",
      h2spec = "generic/3.9/2" },
    { "RST_STREAM", "RFC9113-5.1-16", no_reaction, violate = "RFC9113-5.1-16=RST_STREAM", h2spec = "generic/3.4/1" },
    { "PRIORITY", "RFC9113-5.1-16", no_reaction, violate = "RFC9113-5.1-16=PRIORITY" },
    { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
    { "unknown", "RFC9113-5.5-2", no_reaction },
  } },
  { id = "half-closed-local", title = "a stream that the server has ended, and the client not", enter = answered_early,
    rows = {
      { "DATA", "RFC9113-5.1-16", no_reaction, violate = "RFC9113-5.1-16=DATA" },
      { "trailers", "RFC9113-5.1-16", no_reaction, violate = "RFC9113-5.1-16=HEADERS" },
      { "CONTINUATION", "RFC9113-6.10-6", connection_only },
      { "WINDOW_UPDATE", "RFC9113-5.1-16", no_reaction, violate = "RFC9113-5.1-16=WINDOW_UPDATE" },
      { "RST_STREAM", "RFC9113-5.1-16", no_reaction, violate = "RFC9113-5.1-16=RST_STREAM" },
      { "PRIORITY", "RFC9113-5.1-16", no_reaction, violate = "RFC9113-5.1-16=PRIORITY" },
      { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
      { "unknown", { "RFC9113-4.1-2", "RFC9113-5.5-2" }, no_reaction },
    } },
  { id = "half-closed-remote", title = "a stream that the client has ended, while the response is held back",
    enter = requested, needs = { "content" }, rows = {
      { "DATA", { "RFC9113-5.1-19", "RFC9113-6.1-5" }, stream_closed, h2spec = { "http2/5.1/5", "http2/6.1/2" },
        violate = { "RFC9113-5.1-19", "RFC9113-6.1-5", "RFC9113-5.1-19=other" } },
      { "trailers", "RFC9113-5.1-20", stream_closed_or_protocol, h2spec = "http2/5.1/6" },
      { "CONTINUATION", "RFC9113-5.1-21", orphan_continuation, h2spec = "http2/5.1/7" },
      { "WINDOW_UPDATE", "RFC9113-5.1-22", no_reaction, after = finish, h2spec = "generic/2/2" },
      { "RST_STREAM", "RFC9113-5.1-24", no_reaction, h2spec = "generic/2/4" },
      { "PRIORITY", "RFC9113-5.1-23", no_reaction, after = finish, h2spec = "generic/2/3" },
      { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
      { "unknown", "RFC9113-5.1-25", no_reaction, after = finish },
    } },
  { id = "closed", title = "a stream that both sides have ended", enter = completed, rows = {
    { "DATA", "RFC9113-5.1-27", late_data, h2spec = "http2/5.1/11" },
    { "HEADERS", { "RFC9113-5.1-28", "RFC9113-5.1.1-5" }, late_headers, h2spec = "http2/5.1/12",
      violate = "RFC9113-5.1-28=serve" },
    { "CONTINUATION", "RFC9113-5.1-29", orphan_continuation, h2spec = "http2/5.1/13" },
    { "WINDOW_UPDATE", { "RFC9113-5.1-35", "RFC9113-6.9-5" }, no_reaction,
      violate = { "RFC9113-5.1-35", "RFC9113-6.9-5" } },
    { "RST_STREAM", "RFC9113-5.1-36", no_reaction, after = no_reset, violate = { "RFC9113-5.1-36", "RFC9113-5.4.2-5" } },
    { "PRIORITY", "RFC9113-5.1-37", no_reaction, h2spec = "generic/2/5" },
    { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
    { "unknown", "RFC9113-5.1-46", no_reaction },
  } },
  { id = "reset-by-client", title = "a stream that the client has reset", enter = reset_by_client,
    needs = { "content" }, rows = {
      { "DATA", "RFC9113-5.1-30", late_data, h2spec = "http2/5.1/8" },
      { "HEADERS", "RFC9113-5.1-31", late_headers, h2spec = "http2/5.1/9", violate = "RFC9113-5.1-31=serve" },
      { "CONTINUATION", "RFC9113-5.1-32", orphan_continuation, h2spec = "http2/5.1/10" },
      { "WINDOW_UPDATE", "RFC9113-5.1-33", late_other },
      { "RST_STREAM", { "RFC9113-5.4.2-5", "RFC9113-5.1-34" }, ignored_or_closed },
      { "PRIORITY", "RFC9113-5.1-37", no_reaction },
      { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
      { "unknown", "RFC9113-5.1-46", no_reaction },
    } },
  { id = "reset-by-server", title = "a stream that the server has just reset", enter = reset_by_server,
    needs = { "content" }, rows = {
      { "DATA", { "RFC9113-5.1-38", "RFC9113-5.4.2-3", "RFC9113-6.4-2" }, no_response },
      { "trailers", "RFC9113-5.1-39", late_trailers, violate = "RFC9113-5.1-39=serve", early = true },
      { "CONTINUATION", "RFC9113-6.10-6", connection_or_closed },
      { "WINDOW_UPDATE", "RFC9113-5.1-38", no_response },
      { "RST_STREAM", "RFC9113-5.1-38", no_response, violate = { "RFC9113-5.1-38", "RFC9113-5.4.2-5" } },
      { "PRIORITY", "RFC9113-5.1-37", no_response },
      { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
      { "unknown", "RFC9113-5.1-46", no_response },
    } },
  { id = "skipped", title = "a stream lower than one that was opened", enter = skipped, needs = { "content" }, rows = {
    { "DATA", "RFC9113-5.1-44", late_headers, violate = "RFC9113-5.1-44=other" },
    { "HEADERS", "RFC9113-5.1.1-4", unexpected_identifier, h2spec = "http2/5.1.1/2", violate = "RFC9113-5.1.1-4=serve" },
    { "CONTINUATION", "RFC9113-6.10-6", orphan_continuation },
    { "WINDOW_UPDATE", "RFC9113-5.1-44", late_other },
    { "RST_STREAM", "RFC9113-5.1-44", late_other },
    { "PRIORITY", "RFC9113-6.3-3", no_reaction },
    { "PUSH_PROMISE", "RFC9113-8.4-7", connection_only },
    { "unknown", "RFC9113-5.1-46", no_reaction },
  } },
}

-- A second RST_STREAM on a stream that the server has reset is a SHOULD NOT of its own (5.4.2), for what may be answered
-- by RST_STREAM at all.
local SECOND_RESET <const> = { DATA = true, trailers = true, WINDOW_UPDATE = true }

local function look_for_second_reset(conn, stream)
  conn:barrier()
  if conn:count { name = "RST_STREAM", stream = stream } > 1 and conn:count { name = "GOAWAY" } == 0 then
    warn "a second RST_STREAM on the stream, at once (5.4.2)"
  end
end

local function name_of(frame)
  return frame:lower():gsub("_", "-")
end

for _, state in ipairs(STATES) do
  for _, row in ipairs(state.rows) do
    local frame, req, outcome = table.unpack(row)
    case {
      id = ("%s-%s"):format(state.id, name_of(frame)),
      title = ("%s on %s"):format(NAMES[frame] or frame, state.title),
      req = req, h2spec = row.h2spec, violate = row.violate, needs = state.needs, early = row.early,
      run = function(conn)
        local stream = state.enter(conn)
        conn:send(frames[frame](stream))
        if row.finish then row.finish(conn, stream) end
        if state.enter == reset_by_server and SECOND_RESET[frame] then look_for_second_reset(conn, stream) end
        conn:expect(outcome(stream))
        if row.after then row.after(conn, stream) end
      end,
    }
  end
end
