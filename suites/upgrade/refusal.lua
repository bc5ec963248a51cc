-- When a server must not upgrade, and how it has to go on in HTTP/1.1 (RFC 7540 section 3.2, RFC 9110 section 7.8).
suite { "refusal", title = "Upgrade: never a 101", rfc = 7540, section = "3.2",
  modes = { "upgrade" }, start = "tcp", needs = { "h1" } }

-- A case in which the request may be answered in any way but by 101.
local function never(id, req, title, rows, more)
  case {
    id = id, title = title, req = req, each = rows, violate = more,
    run = function(conn, row)
      conn:upgrade(row or {})
      conn:expect(no_upgrade())
    end,
  }
end

never("without-http2-settings", "RFC7540-3.2.1-1", "no HTTP2-Settings field in the request",
  { { label = "none", http2_settings = false } })
never("two-http2-settings", "RFC7540-3.2.1-2", "two HTTP2-Settings fields in the request", {
  { label = "the same value", http2_settings = { "AAMAAABk", "AAMAAABk" } },
  { label = "differing values", http2_settings = { "AAMAAABk", "AAQAAP__" } },
})
never("token-h2", "RFC7540-3.2-5", "Upgrade: h2, the name for HTTP/2 over TLS", { { label = "h2", upgrade = "h2" } })
never("other-token", "RFC9110-7.8-5", "Upgrade names other protocols only", {
  { label = "websocket", upgrade = "websocket" }, { label = "h2c-14", upgrade = "h2c-14" },
  { label = "h2cx", upgrade = "h2cx" }, { label = "HTTP/2.0", upgrade = "HTTP/2.0" },
})
never("http-1.0", "RFC9110-7.8-12", "Upgrade: h2c in an HTTP/1.0 request", { { label = "HTTP/1.0", version = "1.0" } })

case {
  id = "bad-http2-settings",
  title = "HTTP2-Settings that is no SETTINGS payload in base64url",
  req = "RFC7540-3.2.1-6",
  caught = "warn",
  each = {
    { label = "padding", "AAMAAABk=" }, { label = "characters outside the alphabet", "AAM!AABk" },
    { label = "5 octets", "AAMAAAA" }, { label = "ENABLE_PUSH 2", "AAIAAAAC" },
    { label = "INITIAL_WINDOW_SIZE 2^31", "AASAAAAA" }, { label = "MAX_FRAME_SIZE 16383", "AAUAAD__" },
  },
  run = function(conn, row)
    conn:upgrade { http2_settings = row[1] }
    if conn.response.status ~= 101 then return end
    conn:send_preface()
    conn:expect(any_of {
      connection_error { "PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "FLOW_CONTROL_ERROR" },
      soft(response(1), "no rule names the reaction to bad HTTP2-Settings"),
    })
  end,
}

case {
  id = "upgrade-not-listed",
  title = "Upgrade: h2c without upgrade in Connection",
  req = "RFC9110-7.6.1-2",
  run = function(conn)
    conn:upgrade { connection = "HTTP2-Settings" }
    if conn.response.status == 101 then warn "101, although Connection does not list upgrade" end
    conn:expect(no_upgrade())
  end,
}

case {
  id = "upper-case-token",
  title = "protocol names are compared without regard to case",
  req = "RFC9110-7.8-2",
  needs = { "upgrade" },
  run = function(conn)
    conn:upgrade { upgrade = "H2C" }
    if conn.response.status ~= 101 then warn "Upgrade: H2C is not taken for h2c" end
  end,
}

case {
  id = "continue-first",
  title = "with Expect: 100-continue the 100 comes before the 101",
  req = "RFC9110-7.8-14",
  needs = { "upgrade" },
  run = function(conn)
    conn:upgrade { method = "POST", path = target.path, fields = { { "Expect", "100-continue" } }, body = "12345678",
      withhold_body = true }
    if conn.response.status ~= 101 then return note "the request is not upgraded" end
    check(conn.response.interim[1] == 100, "100 (Continue), or an answer without an upgrade",
      "101 without 100 (Continue) before it")
  end,
}
