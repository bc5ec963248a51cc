-- What a server does not know it ignores: frame types and error codes (RFC 9113 sections 4.1, 5.5 and 7). Unknown settings
-- are in settings.lua, unknown frames in each state of a stream in streams.lua, inside a field block in continuation.lua.
suite { "unknown", title = "Unknown types", rfc = 9113, section = "5.5" }

for _, kind in ipairs { 0x0b, 0x16, 0xf0, 0xff } do
  case {
    id = ("type-%02x"):format(kind),
    title = ("a frame of the unassigned type 0x%02x on stream 0"):format(kind),
    req = { "RFC9113-4.1-2", "RFC9113-5.5-1" },
    h2spec = kind == 0x16 and { "http2/4.1/1", "http2/5.5/1" } or nil,
    run = function(conn)
      conn:send(FRAME { type = kind, stream = 0, payload = "8 octets" })
      conn:expect(ignored())
    end,
  }
end

case {
  id = "empty",
  title = "frames of unknown type without payload, on stream 0 and on an idle stream",
  req = "RFC9113-4.1-2",
  run = function(conn)
    conn:send(FRAME { type = 0x16, stream = 0 }, FRAME { type = 0x16, stream = conn:new_stream() })
    conn:expect(ignored())
  end,
}

case {
  id = "all-flags",
  title = "a frame of unknown type with all flags and the reserved bit set",
  req = "RFC9113-4.1-2",
  run = function(conn)
    conn:send(FRAME { type = 0xf0, stream = 0, flags = 0xff, reserved = true, payload = "8 octets" })
    conn:expect(ignored())
  end,
}

case {
  id = "before-the-first-request",
  title = "frames of unknown type between the preface and the first request",
  req = "RFC9113-4.1-2",
  start = "preface",
  run = function(conn)
    conn:send_preface()
    conn:send(FRAME { type = 0x16, stream = 0, payload = "8 octets" })
    conn:expect(ignored())
  end,
}

-- Some servers answer whatever follows a GOAWAY by an error: there its form cannot be judged.
local function plain_goaway_works()
  local other = connect {}
  other:send(GOAWAY { error = "NO_ERROR" })
  other:barrier()
  local answer = other:last { name = "GOAWAY" }
  if answer and answer.error ~= "NO_ERROR" then
    skip(("the server ends the connection with %s after any GOAWAY"):format(answer.error))
  end
end

case {
  id = "goaway-error",
  title = "an unknown error code in GOAWAY is nothing special",
  req = "RFC9113-7-1",
  h2spec = "http2/7/1",
  each = { 0x0e, 0xff, 0xffffffff },
  run = function(conn, code)
    plain_goaway_works()
    conn:send(GOAWAY { error = code })
    conn:barrier()
    local answer = conn:last { name = "GOAWAY" }
    if answer and answer.error ~= "NO_ERROR" then
      -- It may be treated as INTERNAL_ERROR, and the connection may come to its end.
      check(answer.error == "INTERNAL_ERROR", "nothing, GOAWAY(NO_ERROR) or GOAWAY(INTERNAL_ERROR)",
        ("GOAWAY(%s)"):format(answer.error))
      return
    end
    conn:expect(no_error())
  end,
}
