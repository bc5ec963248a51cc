-- HTTP2-Settings: the client's first SETTINGS, in force before the response on stream 1 (RFC 7540 section 3.2.1).
suite { "settings", title = "Upgrade: HTTP2-Settings", rfc = 7540, section = "3.2.1",
  modes = { "upgrade" }, start = "tcp", needs = { "upgrade" } }

-- In force ------------------------------------------------------------------------------------------------------------

-- How many octets of DATA come on stream 1 under these settings; none of the preface changes them.
local function window(id, title, most, given)
  case {
    id = id, title = title, req = "RFC7540-3.2.1-5", needs = { "upgrade", "content" }, auto = { window = false },
    violate = given.violate,
    run = function(conn)
      conn:upgrade { settings = given.settings, path = target.paths.content }
      conn:send_preface {}
      if given.increment then conn:send(WINDOW_UPDATE { stream = 1, increment = given.increment }) end
      conn:barrier()
      local got = conn:data_octets(1)
      check(got <= most, ("at most %d octets of DATA on stream 1"):format(most), got .. " octets of DATA")
    end,
  }
end

window("window-0", "INITIAL_WINDOW_SIZE 0 holds for stream 1", 0, { settings = { INITIAL_WINDOW_SIZE = 0 } })
window("window-1", "INITIAL_WINDOW_SIZE 1 holds for stream 1", 1, { settings = { INITIAL_WINDOW_SIZE = 1 } })
window("window-0-and-update", "INITIAL_WINDOW_SIZE 0 and WINDOW_UPDATE of 1 on stream 1", 1,
  { settings = { INITIAL_WINDOW_SIZE = 0 }, increment = 1 })
window("last-value", "of two values of one setting the last one holds", 1, {
  settings = hex "0004 0000ffff  0004 00000001", violate = "RFC7540-3.2.1-5=first",
})
window("among-others", "a setting behind others, known and unknown", 1, {
  settings = { ENABLE_PUSH = 0, MAX_CONCURRENT_STREAMS = 10, { 0x0a0a, 7 }, { "INITIAL_WINDOW_SIZE", 1 } },
})

case {
  id = "window-changed",
  title = "INITIAL_WINDOW_SIZE in the preface changes the window of stream 1",
  req = { "RFC9113-6.9.2-3", "RFC7540-3.2.1-5" },
  violate = "RFC7540-3.2.1-5=final",
  needs = { "upgrade", "content" },
  run = function(conn)
    conn:upgrade { settings = { INITIAL_WINDOW_SIZE = 0 }, path = target.paths.content }
    conn:send_preface { INITIAL_WINDOW_SIZE = 1048576 }
    conn:expect(response(1))
  end,
}

case {
  id = "header-table-size-0",
  title = "HEADER_TABLE_SIZE 0: responses refer to nothing in a dynamic table",
  req = { "RFC7540-3.2.1-5", "RFC7541-4.2-1" },
  run = function(conn)
    conn:upgrade { settings = { HEADER_TABLE_SIZE = 0 } }
    conn:send_preface {}
    conn:expect(response(1))
    conn:expect(response(conn:request { path = target.path }))
    local used = conn:table("theirs").size
    check(used == 0, "a dynamic table of 0 octets", ("a dynamic table of %d octets"):format(used))
  end,
}

case {
  id = "enable-push-0",
  title = "ENABLE_PUSH 0: nothing is pushed, although the preface does not say it again",
  req = "RFC9113-6.5.2-1",
  run = function(conn)
    conn:upgrade { settings = { ENABLE_PUSH = 0 } }
    conn:send_octets(PREFACE)
    conn:send(SETTINGS {})
    conn:expect(response(1))
    conn:barrier()
    check(conn:count "PUSH_PROMISE" == 0, "no PUSH_PROMISE", "PUSH_PROMISE")
  end,
}

-- Settings under which the request is answered as ever; no_answer: the server may also refuse to answer.
local function accepted(given)
  case {
    id = given.id, title = given.title, req = given.req, violate = given.violate, each = given.rows,
    run = function(conn, row)
      conn:upgrade { settings = row[1] }
      conn:send_preface {}
      conn:expect(given.no_answer and any_of { response(1), stream_error(1, "PROTOCOL_ERROR") } or response(1))
    end,
  }
end

accepted { id = "max-frame-size", title = "the smallest and the largest MAX_FRAME_SIZE", req = "RFC9113-6.5.2-14",
  rows = { { label = "16384", { MAX_FRAME_SIZE = 16384 } }, { label = "16777215", { MAX_FRAME_SIZE = 16777215 } } } }
accepted { id = "max-concurrent-streams-0", title = "MAX_CONCURRENT_STREAMS 0, which limits pushes alone",
  req = "RFC9113-6.5.2-7", rows = { { label = "0", { MAX_CONCURRENT_STREAMS = 0 } } } }
accepted { id = "max-window", title = "INITIAL_WINDOW_SIZE 2^31-1", req = "RFC9113-6.5.2-10",
  rows = { { label = "2^31-1", { INITIAL_WINDOW_SIZE = 0x7fffffff } } } }
accepted { id = "header-table-size", title = "HEADER_TABLE_SIZE 0 and 2^32-1", req = "RFC9113-6.5.2-15",
  rows = { { label = "0", { HEADER_TABLE_SIZE = 0 } }, { label = "2^32-1", { HEADER_TABLE_SIZE = 0xffffffff } } } }
accepted { id = "max-header-list-size", title = "MAX_HEADER_LIST_SIZE 1 is advice: a response comes, or a refusal of the stream",
  req = "RFC9113-6.5.2-16", violate = "RFC7540-3.2-7", no_answer = true,
  rows = { { label = "1", { MAX_HEADER_LIST_SIZE = 1 } } } }

-- What is no SETTINGS payload in base64url ----------------------------------------------------------------------------
-- No rule names the reaction: no upgrade, or 101 and a connection error; going on is a deviation.

local function bad(id, title, rows)
  case {
    id = id, title = title, req = "RFC7540-3.2.1-6", caught = "warn", each = rows,
    run = function(conn, value)
      conn:upgrade { http2_settings = value }
      if conn.response.status ~= 101 then return end
      conn:send_preface()
      conn:expect(any_of {
        connection_error { "PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "FLOW_CONTROL_ERROR" },
        soft(response(1), "no rule names the reaction to bad HTTP2-Settings"),
      })
    end,
  }
end

bad("bad-padding", "HTTP2-Settings with padding", { "AAMAAABk=", "AAMAAABk==" })
bad("bad-standard-alphabet", "HTTP2-Settings in base64 that is not the one for URLs", { "AAQAAP//", "AAQAAPv+" })
bad("bad-characters", "HTTP2-Settings with characters that are in no alphabet", { "AAM!AABk", "AAM AABk", "\"AAMAAABk\"" })
bad("bad-length", "HTTP2-Settings that is not a multiple of 6 octets", {
  "AAMAAAA", "AAMAAABkAA", "AA", -- 5, 7 and 1 octets
})
bad("bad-quantum", "HTTP2-Settings of a length that no base64 has", { "A", "AAMAAABkA" })
bad("bad-enable-push", "HTTP2-Settings with ENABLE_PUSH 2", { base64url(hex "0002 00000002") })
bad("bad-initial-window-size", "HTTP2-Settings with INITIAL_WINDOW_SIZE 2^31", { base64url(hex "0004 80000000") })
bad("bad-max-frame-size-small", "HTTP2-Settings with MAX_FRAME_SIZE 16383", { base64url(hex "0005 00003fff") })
bad("bad-max-frame-size-large", "HTTP2-Settings with MAX_FRAME_SIZE 2^24", { base64url(hex "0005 01000000") })
