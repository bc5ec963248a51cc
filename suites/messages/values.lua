-- Field values that make a request malformed, and those that do not (RFC 9113 section 8.2.1).
suite { "values", title = "field values", rfc = 9113, section = "8.2.1" }

local function request(conn, value)
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true,
    fields = unindexed(with(get(target.path), { "x-h2probe", value })) })
  return stream
end

local function refused(id, req, title, values)
  case {
    id = id, title = title, req = req, each = values,
    run = function(conn, row) conn:expect(malformed(request(conn, row[1]))) end,
  }
end

local function everywhere(octets)
  return {
    { label = "in the middle", "a" .. octets .. "b" }, { label = "at its start", octets .. "b" },
    { label = "at its end", "a" .. octets }, { label = "alone", octets },
  }
end

local cr = everywhere "\r"
cr[#cr + 1] = { label = "CR LF", "a\r\nb" }
cr[#cr + 1] = { label = "CR LF and a field of HTTP/1.1", "a\r\nx-injected: b" }

refused("nul", "RFC9113-8.2.1-10", "a field value with NUL", everywhere "\0")
refused("lf", "RFC9113-8.2.1-11", "a field value with LF", everywhere "\n")
refused("cr", "RFC9113-8.2.1-12", "a field value with CR", cr)
refused("leading-white-space", "RFC9113-8.2.1-13", "a field value that begins with white space", {
  { label = "SP", " a" }, { label = "HTAB", "\ta" },
})
refused("trailing-white-space", "RFC9113-8.2.1-14", "a field value that ends with white space", {
  { label = "SP", "a " }, { label = "HTAB", "a\t" },
})
refused("only-white-space", "RFC9113-8.2.1-14", "a field value of nothing but white space", {
  { label = "SP", " " }, { label = "HTAB", "\t" },
})
refused("control-character", "RFC9113-8.2.1-15", "a field value with another control character", {
  { label = "0x01", "a\1b" }, { label = "0x0b", "a\vb" }, { label = "ESC", "a\27b" }, { label = "0x1f", "a\31b" },
  { label = "DEL", "a\127b" },
})

case {
  id = "unusual",
  title = "a field value that is unusual but valid",
  req = "RFC9113-8.2.1-17",
  each = {
    { label = "empty", "" }, { label = "HTAB inside", "a\tb" }, { label = "several spaces inside", "a   b" },
    { label = "octets above 0x7f", "a\x80\xffb" }, { label = "UTF-8", "\u{e4}\u{20ac}" },
    { label = "all printable characters", "!\"#$%&'()*+,-./0:;<=>?@A[\\]^_`a{|}~" },
  },
  run = function(conn, row)
    local stream = request(conn, row[1])
    conn:expect(any_of {
      response(stream, target.status),
      soft(response(stream, "4xx"), "a policy of this server"),
    })
  end,
}

case {
  id = "invalid-by-its-own-rules",
  title = "a value that only the definition of its own field forbids: no malformed request",
  req = "RFC9113-8.2.1-19",
  each = {
    { label = "if-modified-since", "if-modified-since", "garbage" }, { label = "accept", "accept", "///" },
  },
  run = function(conn, row)
    local stream = conn:request { path = target.path, fields = { literal { row[1], row[2] } } }
    conn:expect(response(stream, { "2xx", "3xx", "4xx" }))
  end,
}
