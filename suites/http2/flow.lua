-- Flow control of a server's content, judged by sums (RFC 9113 sections 5.2, 6.9.1 and 6.9.2).
--
-- Window updates are the script's own: what comes is what it allowed.
suite { "flow", title = "Flow control", rfc = 9113, section = "6.9.1", auto = { window = false } }

local LARGEST <const> = 0x7fffffff
local INITIAL <const> = 65535

local function get_content(conn)
  return conn:request { path = target.paths.content }
end

-- Waits until the sum is reached, and asks whether more comes. What a window of n allows is n, or the whole content.
local function expect_sum(conn, stream, allowed, what)
  eventually(function()
    local answer = conn:data_octets(stream)
    return answer >= allowed or conn:state(stream) == "closed"
  end, ("%d octets of DATA"):format(allowed))
  check(conn:barrier(), "the acknowledgement of a PING", "none")
  local got = conn:data_octets(stream)
  check(got <= allowed, ("at most %d octets of DATA (%s)"):format(allowed, what), ("%d octets of DATA"):format(got))
end

-- Nothing has to come, and nothing may.
local function expect_no_more(conn, stream, allowed, what)
  conn:barrier()
  check(conn:barrier(), "the acknowledgement of a PING", "none")
  local got = conn:data_octets(stream)
  check(got <= allowed, ("no more than %d octets of DATA (%s)"):format(allowed, what), ("%d octets of DATA"):format(got))
end

local function no_content(conn, stream, what)
  expect_no_more(conn, stream, 0, what)
end

-- The stream's window --------------------------------------------------------------------------------------------

for _, size in ipairs { 1, 10 } do
  case {
    id = ("window-of-%d"):format(size),
    title = ("INITIAL_WINDOW_SIZE %d: that much content and no more"):format(size),
    req = { "RFC9113-6.9.1-1", "RFC9113-6.9.2-1", "RFC9113-5.2.1-1", "RFC9113-5.2.1-4" },
    h2spec = size == 1 and { "http2/6.9.1/1" } or nil,
    needs = { "content" },
    run = function(conn)
      conn:settings { INITIAL_WINDOW_SIZE = size }
      local stream = get_content(conn)
      expect_sum(conn, stream, size, "INITIAL_WINDOW_SIZE")
    end,
  }
end

-- Do the response's HEADERS come while the stream's window is 0? Another response, which may have content, comes in any case.
local function headers_come(conn, stream)
  local later = get_content(conn)
  conn:send(WINDOW_UPDATE { stream = later, increment = INITIAL })
  eventually(function()
    return conn:count { name = "HEADERS", stream = stream } > 0 or conn:data_octets(later) > 0
  end, "HEADERS, or DATA on the stream that has a window")
  -- A proxy may have answered the later one first.
  return conn:count { name = "HEADERS", stream = stream } > 0 or conn:recv { name = "HEADERS", stream = stream }
end

case {
  id = "window-of-0",
  title = "INITIAL_WINDOW_SIZE 0: the header section comes, and no content",
  req = { "RFC9113-6.9.1-1", "RFC9113-5.2.1-2" },
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = get_content(conn)
    local headers = headers_come(conn, stream)
    no_content(conn, stream, "INITIAL_WINDOW_SIZE 0")
    if not headers then
      warn "the response's HEADERS, which are not flow-controlled, are held back with its content"
    end
  end,
}

local function is_over(conn)
  return conn:count { name = "GOAWAY" } > 0 or conn:ended()
end

-- What the peer makes of an increment of 0 on this stream: "stream" or "connection", an error of that; or nil. RST_STREAM with
-- NO_ERROR says only that the response was early (section 8.1).
local function error_for_zero(conn, stream)
  conn:send(WINDOW_UPDATE { stream = stream, increment = 0 })
  if conn:barrier() then conn:barrier() end
  if is_over(conn) then return "connection" end
  local reset = conn:last { name = "RST_STREAM", stream = stream }
  return reset and reset.error ~= "NO_ERROR" and "stream" or nil
end

-- On a stream where no content waits. Its response may be faster than the increment, but hardly three times.
local function reports_zero(conn)
  for _ = 1, 3 do
    local open = conn:request { method = "POST", path = target.paths.content, end_stream = false }
    local how = error_for_zero(conn, open)
    if how then return how == "stream" end
  end
  return false
end

-- An RST_STREAM that was sent when it was due cannot come behind content that was held back until after it.
case {
  id = "reset-while-content-waits",
  title = "a stream error is reported while the stream's content waits for the window",
  req = { "RFC9113-5.2.1-2", "RFC9113-5.4.2-1" },
  violate = { "RFC9113-5.2.1-2=reset", "RFC9113-5.2.1-2=lost" },
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local reports = reports_zero(conn)
    if is_over(conn) then return end -- a connection error instead (5.4.1)
    local stream = get_content(conn)
    if not headers_come(conn, stream) then skip "the response's HEADERS are held back with its content" end
    conn:barrier() -- the content is behind them by now
    if error_for_zero(conn, stream) then return end
    conn:send(WINDOW_UPDATE { stream = stream, increment = INITIAL })
    eventually(function()
      return conn:count { stream = stream, end_stream = true } > 0 or conn:count { name = "RST_STREAM", stream = stream } > 0
        or is_over(conn)
    end, "RST_STREAM, the rest of the response, or a connection error")
    if is_over(conn) then inconclusive "the connection ended when the window allowed content" end
    local late = conn:count { name = "RST_STREAM", stream = stream } > 0
    if not late and not reports then skip "the server does not report an increment of 0 by RST_STREAM" end
    check(conn:data_octets(stream) == 0, "RST_STREAM, which is not flow-controlled, while the window is 0",
      ("%d octets of content when the window allowed them, and %s"):format(conn:data_octets(stream),
        late and "RST_STREAM behind them" or "no RST_STREAM"))
  end,
}

case {
  id = "step-by-step",
  title = "each WINDOW_UPDATE on the stream allows as much as it says",
  req = { "RFC9113-6.9.1-9", "RFC9113-6.9.1-1", "RFC9113-6.9-9" },
  violate = { "RFC9113-6.9.1-9", "RFC9113-6.9.1-1", "RFC9113-6.9-9", "RFC9113-6.9.1-9=stall" },
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = get_content(conn)
    local sum = 0
    for _, increment in ipairs { 1, 2, 5 } do
      conn:send(WINDOW_UPDATE { stream = stream, increment = increment })
      sum = sum + increment
      expect_sum(conn, stream, sum, "the increments so far")
    end
    conn:send(WINDOW_UPDATE { stream = stream, increment = INITIAL })
    conn:auto { window = true }
    conn:expect(response(stream, "2xx"))
  end,
}

case {
  id = "two-streams",
  title = "the windows of two streams are apart",
  req = "RFC9113-6.9.1-1",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local first, second = get_content(conn), get_content(conn)
    conn:send(WINDOW_UPDATE { stream = second, increment = 3 })
    expect_sum(conn, second, 3, "WINDOW_UPDATE on this stream")
    no_content(conn, first, "WINDOW_UPDATE on another stream")
  end,
}

case {
  id = "small-windows",
  title = "a large body through a window of 5,000 octets, filled again and again",
  req = { "RFC9113-6.9.1-9", "RFC9113-6.9.1-1" },
  violate = { "RFC9113-6.9.1-9=stall", "RFC9113-6.9.1-1" },
  needs = { "large" },
  run = function(conn)
    local window = 5000
    conn:settings { INITIAL_WINDOW_SIZE = window }
    local stream = conn:request { path = target.paths.large }
    local allowed = window
    for _ = 1, 6 do
      expect_sum(conn, stream, allowed, "what was allowed so far")
      conn:send(WINDOW_UPDATE { stream = stream, increment = window })
      allowed = allowed + window
    end
    conn:send(RST_STREAM { stream = stream, error = "CANCEL" })
  end,
}

-- The connection's window ------------------------------------------------------------------------------------------

local function large_window(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 1048576 }
  return conn:window("theirs", 0) -- what is left of the first 65,535 octets
end

case {
  id = "connection-window",
  title = "SETTINGS do not change the connection's window: 65,535 octets, and no more",
  req = { "RFC9113-6.9.2-6", "RFC9113-6.9.1-2", "RFC9113-5.2.1-3" },
  violate = { "RFC9113-6.9.2-6", "RFC9113-6.9.1-2", "RFC9113-5.2.1-3" },
  needs = { "large" },
  run = function(conn)
    local left = large_window(conn)
    local stream = conn:request { path = target.paths.large }
    expect_sum(conn, stream, left, "the connection's window")
  end,
}

case {
  id = "connection-window-shared",
  title = "the connection's window holds for two streams together",
  req = "RFC9113-6.9.1-2",
  needs = { "large" },
  run = function(conn)
    local left = large_window(conn)
    local first = conn:request { path = target.paths.large }
    local second = conn:request { path = target.paths.large }
    local function sum() return conn:data_octets(first) + conn:data_octets(second) end
    eventually(function() return sum() >= left end, ("%d octets of DATA"):format(left))
    conn:barrier()
    check(sum() <= left, ("at most %d octets of DATA on both streams"):format(left), ("%d octets"):format(sum()))
  end,
}

case {
  id = "connection-window-update",
  title = "WINDOW_UPDATE on stream 0 allows as much as it says",
  req = { "RFC9113-6.9.1-9", "RFC9113-6.9.1-2" },
  violate = { "RFC9113-6.9.1-9", "RFC9113-6.9.1-2" },
  needs = { "large" },
  run = function(conn)
    local left = large_window(conn)
    local stream = conn:request { path = target.paths.large }
    expect_sum(conn, stream, left, "the connection's window")
    conn:send(WINDOW_UPDATE { stream = 0, increment = 100 })
    expect_sum(conn, stream, left + 100, "the connection's window, and 100")
  end,
}

case {
  id = "stream-window-of-65535",
  title = "a stream begins with 65,535 octets, whatever the connection's window",
  req = { "RFC9113-6.9.2-1", "RFC9113-5.2.1-3" },
  violate = { "RFC9113-6.9.1-1" },
  needs = { "large" },
  run = function(conn)
    conn:send(WINDOW_UPDATE { stream = 0, increment = 1048576 })
    local stream = conn:request { path = target.paths.large }
    expect_sum(conn, stream, INITIAL, "the initial window of a stream")
  end,
}

-- INITIAL_WINDOW_SIZE changes under open streams ---------------------------------------------------------------------

case {
  id = "raised",
  title = "a higher INITIAL_WINDOW_SIZE opens the windows of open streams",
  req = { "RFC9113-6.9.2-3", "RFC9113-6.5.3-1" },
  violate = { "RFC9113-6.9.2-3", "RFC9113-6.9.2-3=stall" },
  h2spec = "http2/6.9.2/1",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local first, second = get_content(conn), get_content(conn)
    conn:barrier()
    no_content(conn, first, "INITIAL_WINDOW_SIZE 0")
    conn:send(SETTINGS { INITIAL_WINDOW_SIZE = 2 })
    expect_sum(conn, first, 2, "INITIAL_WINDOW_SIZE 2")
    expect_sum(conn, second, 2, "INITIAL_WINDOW_SIZE 2")
  end,
}

-- A window of -1: 3 octets came, and 2 is the initial size now.
local function negative(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 3 }
  local stream = get_content(conn)
  expect_sum(conn, stream, 3, "INITIAL_WINDOW_SIZE 3")
  conn:settings { INITIAL_WINDOW_SIZE = 2 }
  if conn:state(stream) == "closed" then skip "the content is too short" end
  return stream
end

case {
  id = "negative",
  title = "a lower INITIAL_WINDOW_SIZE makes a window negative: an increment to 0 allows nothing",
  req = { "RFC9113-6.9.2-5", "RFC9113-6.9.2-4" },
  violate = { "RFC9113-6.9.2-5", "RFC9113-6.9.2-4", "RFC9113-6.9.2-5=floor" },
  needs = { "content" },
  run = function(conn)
    local stream = negative(conn)
    conn:send(WINDOW_UPDATE { stream = stream, increment = 1 })
    expect_no_more(conn, stream, 3, "the window is 0")
  end,
}

case {
  id = "negative-and-back",
  title = "from a window of -1 an increment of 2 allows one octet",
  req = { "RFC9113-6.9.2-4", "RFC9113-6.9.2-5" },
  violate = { "RFC9113-6.9.2-4", "RFC9113-6.9.2-5=floor", "RFC9113-6.9.2-3=stall" },
  h2spec = "http2/6.9.2/2",
  needs = { "content" },
  run = function(conn)
    local stream = negative(conn)
    conn:send(WINDOW_UPDATE { stream = stream, increment = 2 })
    expect_sum(conn, stream, 4, "3 octets, and 1")
  end,
}

case {
  id = "lowered-to-0",
  title = "INITIAL_WINDOW_SIZE 0 in the middle of a response stops it, and a higher value starts it again",
  req = { "RFC9113-6.9.2-3", "RFC9113-6.9.2-5" },
  violate = { "RFC9113-6.9.2-3=stall", "RFC9113-6.9.2-5=floor" },
  needs = { "large" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 1000 }
    local stream = conn:request { path = target.paths.large }
    expect_sum(conn, stream, 1000, "INITIAL_WINDOW_SIZE 1,000")
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    conn:send(WINDOW_UPDATE { stream = stream, increment = 1000 })
    expect_no_more(conn, stream, 1000, "the window is 0")
    conn:send(SETTINGS { INITIAL_WINDOW_SIZE = 500 })
    expect_sum(conn, stream, 1500, "1,000 octets, and 500")
  end,
}

-- The bounds of a window ----------------------------------------------------------------------------------------------

case {
  id = "connection-at-the-limit",
  title = "a connection window of exactly 2^31-1",
  req = "RFC9113-6.9.1-7",
  run = function(conn)
    conn:send(WINDOW_UPDATE { stream = 0, increment = LARGEST - conn:window("theirs", 0) })
    conn:expect(ignored())
  end,
}

case {
  id = "stream-at-the-limit",
  title = "a stream window of exactly 2^31-1",
  req = "RFC9113-6.9.1-7",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:request { method = "POST", path = target.paths.content, end_stream = false }
    conn:send(WINDOW_UPDATE { stream = stream, increment = LARGEST })
    conn:expect(ignored())
  end,
}

case {
  id = "connection-overflow",
  title = "WINDOW_UPDATE that lifts the connection's window above 2^31-1",
  req = "RFC9113-6.9.1-6",
  h2spec = "http2/6.9.1/2",
  each = { { label = "twice the maximum", twice = true }, { label = "one more than the maximum" } },
  run = function(conn, row)
    if row.twice then
      conn:send(WINDOW_UPDATE { stream = 0, increment = LARGEST }, WINDOW_UPDATE { stream = 0, increment = LARGEST })
    else
      conn:send(WINDOW_UPDATE { stream = 0, increment = LARGEST - conn:window("theirs", 0) },
        WINDOW_UPDATE { stream = 0, increment = 1 })
    end
    conn:expect(connection_error "FLOW_CONTROL_ERROR")
  end,
}

-- The connection's window keeps the response from coming to its end before the second WINDOW_UPDATE.
local function held_by_connection(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { path = target.paths.large }
end

case {
  id = "stream-overflow",
  title = "WINDOW_UPDATE that lifts a stream's window above 2^31-1",
  req = "RFC9113-6.9.1-5",
  h2spec = "http2/6.9.1/3",
  violate = { "RFC9113-6.9.1-5", "RFC9113-6.9.1-5=other" },
  needs = { "large" },
  run = function(conn)
    local stream = held_by_connection(conn)
    conn:send(WINDOW_UPDATE { stream = stream, increment = LARGEST }, WINDOW_UPDATE { stream = stream, increment = LARGEST })
    conn:expect(stream_error(stream, "FLOW_CONTROL_ERROR"))
  end,
}

case {
  id = "settings-overflow",
  title = "INITIAL_WINDOW_SIZE that lifts an open stream's window above 2^31-1",
  req = "RFC9113-6.9.2-7",
  needs = { "large" },
  run = function(conn)
    local stream = held_by_connection(conn)
    conn:send(WINDOW_UPDATE { stream = stream, increment = LARGEST }, SETTINGS { INITIAL_WINDOW_SIZE = 1048576 },
      WINDOW_UPDATE { stream = 0, increment = INITIAL }) -- so that a witness can be answered
    conn:expect(any_of {
      connection_error "FLOW_CONTROL_ERROR",
      soft(stream_error(stream, "FLOW_CONTROL_ERROR"), "common, though the text names a connection error"),
    })
  end,
}
