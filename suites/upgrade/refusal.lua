-- When a server must not upgrade, and how it has to go on in HTTP/1.1 (RFC 7540 section 3.2, RFC 9110 section 7.8).
suite { "refusal", title = "Upgrade: never a 101", rfc = 7540, section = "3.2",
  modes = { "upgrade" }, start = "tcp", needs = { "h1" } }

-- A case in which the request may be answered in any way but by 101. more.soft: why 101 is a warning only.
local function never(id, req, title, rows, more)
  more = more or {}
  case {
    id = id, title = title, req = req, each = rows, violate = more.violate, caught = more.soft and "warn" or nil,
    run = function(conn, row)
      conn:upgrade(row)
      if more.soft and conn.response.status == 101 then warn("101, although " .. title .. ": " .. more.soft) end
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
never("comma-list", "RFC7540-3.2.1-2", "two values in one HTTP2-Settings field, which RFC 9110 takes for two fields", {
  { label = "a list", http2_settings = "AAMAAABk, AAQAAP__" },
}, { violate = "RFC7540-3.2.1-6", soft = "one field with a list is not two fields" })

never("token-h2", "RFC7540-3.2-5", "Upgrade: h2, the name for HTTP/2 over TLS", {
  { label = "h2", upgrade = "h2" }, { label = "h2 among others", upgrade = "websocket, h2" },
})
never("token-websocket", "RFC9110-7.8-5", "Upgrade names another protocol", {
  { label = "websocket", upgrade = "websocket" }, { label = "TLS/1.0", upgrade = "TLS/1.0" },
})
never("token-draft", "RFC9110-7.8-5", "Upgrade names drafts of HTTP/2", {
  { label = "h2c-14", upgrade = "h2c-14" }, { label = "h2c-17", upgrade = "h2c-17" },
})
never("token-longer", "RFC9110-7.8-5", "Upgrade names what is h2c only in part", {
  { label = "h2cx", upgrade = "h2cx" }, { label = "xh2c", upgrade = "xh2c" }, { label = "h2c/x y", upgrade = "x h2c y" },
})
never("token-version", "RFC9110-7.8-5", "Upgrade names HTTP and a version", {
  { label = "HTTP/2.0", upgrade = "HTTP/2.0" }, { label = "HTTP/2", upgrade = "HTTP/2" },
})
never("token-empty", "RFC7540-3.2-6", "an empty Upgrade, and none", {
  { label = "empty", upgrade = "" }, { label = "none", upgrade = false },
}, { violate = "RFC9110-7.8-5=unasked" })
never("http-1.0", "RFC9110-7.8-12", "Upgrade: h2c in an HTTP/1.0 request", { { label = "HTTP/1.0", version = "1.0" } })
never("not-listed", "RFC9110-7.6.1-2", "Connection does not list upgrade", {
  { label = "HTTP2-Settings alone", connection = "HTTP2-Settings" }, { label = "no Connection", connection = false },
  { label = "keep-alive", connection = "keep-alive" },
}, { soft = "a field that is not listed ought to be ignored, but need not be" })

case {
  id = "over-tls",
  title = "Upgrade: h2c inside TLS, for which there is ALPN",
  req = "RFC7540-3.2-15",
  modes = { "alpn" },
  run = function(conn)
    local tls = conn:start_tls { alpn = { "http/1.1" } }
    if not tls or tls.alpn ~= "http/1.1" then skip "http/1.1 is not negotiated in TLS" end
    conn:upgrade {}
    conn:expect(no_upgrade())
  end,
}
