-- The settings of extensions at a server: 0x08 of RFC 8441 and 0x09 of RFC 9218.
suite { "settings", title = "Settings of extensions", rfc = 9218, section = "2.1" }

for _, value in ipairs { 0, 1 } do
  case {
    id = ("enable-connect-protocol-%d"):format(value),
    title = ("ENABLE_CONNECT_PROTOCOL %d from a client has no effect"):format(value),
    req = "RFC8441-3-3",
    run = function(conn)
      conn:send(SETTINGS { ENABLE_CONNECT_PROTOCOL = value })
      conn:expect(ignored())
    end,
  }
end

case {
  id = "enable-connect-protocol-2",
  title = "ENABLE_CONNECT_PROTOCOL 2 is ignored or a connection error",
  req = "RFC8441-3-3",
  violate = "RFC8441-3-3=wrong",
  caught = "warn",
  run = function(conn)
    conn:send(SETTINGS { ENABLE_CONNECT_PROTOCOL = 2 })
    conn:expect(any_of { ignored(), connection_error "PROTOCOL_ERROR" })
  end,
}

for _, value in ipairs { 2, 0xffffffff } do
  case {
    id = ("no-rfc7540-priorities-%d"):format(value),
    title = ("NO_RFC7540_PRIORITIES %d, a value other than 0 and 1"):format(value),
    req = "RFC9218-2.1-2",
    run = function(conn)
      conn:send(SETTINGS { NO_RFC7540_PRIORITIES = value })
      if conn:setting("theirs", "NO_RFC7540_PRIORITIES") == 1 then
        conn:expect(connection_error "PROTOCOL_ERROR")
      else
        note "the server does not announce NO_RFC7540_PRIORITIES: it may ignore the setting"
        conn:expect(any_of { ignored(), connection_error "PROTOCOL_ERROR" })
      end
    end,
  }
end

case {
  id = "no-rfc7540-priorities-changed",
  title = "NO_RFC7540_PRIORITIES 1 at the start, and 0 later",
  req = "RFC9218-2.1-5",
  settings = { NO_RFC7540_PRIORITIES = 1 },
  run = function(conn)
    conn:send(SETTINGS { NO_RFC7540_PRIORITIES = 0 })
    conn:expect(any_of { ignored(), connection_error "PROTOCOL_ERROR" })
  end,
}

case {
  id = "no-rfc7540-priorities-and-priority",
  title = "NO_RFC7540_PRIORITIES 1, and then PRIORITY and HEADERS with priority fields all the same",
  req = "RFC9218-2.1-6",
  settings = { NO_RFC7540_PRIORITIES = 1 },
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(PRIORITY { stream = stream + 2, weight = 255 },
      HEADERS { stream = stream, end_stream = true, fields = get(target.path), weight = 0, dependency = stream + 2 })
    conn:expect(response(stream, target.status))
  end,
}
