-- Field names that make a request malformed, and those that do not (RFC 9113 section 8.2.1).
suite { "names", title = "field names", rfc = 9113, section = "8.2.1" }

local function refused(id, req, title, names, more)
  local given = {
    id = id, title = title, req = req, each = names,
    run = function(conn, row)
      local stream = conn:new_stream()
      conn:send(HEADERS { stream = stream, end_stream = true,
        fields = unindexed(with(get(target.path), { row[1], "h2probe" })) })
      conn:expect(malformed(stream))
    end,
  }
  for key, value in pairs(more or {}) do given[key] = value end
  case(given)
end

refused("upper-case", { "RFC9113-8.2.1-1", "RFC9113-8.1.1-10" }, "a field name with an upper-case letter", {
  { label = "x-Test", "x-Test" }, { label = "X-TEST", "X-TEST" }, { label = "A", "A" }, { label = "x-z and Z", "x-zZ" },
}, { h2spec = "http2/8.1.2/1", violate = { "RFC9113-8.2.1-1", "RFC9113-8.1.1-10" } })
refused("space", "RFC9113-8.2.1-2", "a field name with a space", {
  { label = "inside", "x test" }, { label = "at its start", " x-test" }, { label = "at its end", "x-test " },
})
refused("nul", "RFC9113-8.2.1-3", "a field name with NUL", {
  { label = "inside", "x\0test" }, { label = "at its start", "\0x-test" }, { label = "at its end", "x-test\0" },
})
refused("cr-or-lf", "RFC9113-8.2.1-4", "a field name with CR or LF", {
  { label = "CR LF", "x\r\ntest" }, { label = "CR", "x\rtest" }, { label = "LF", "x\ntest" },
  { label = "LF at its end", "x-test\n" }, { label = "CR at its start", "\rx-test" },
})
refused("control-character", "RFC9113-8.2.1-5", "a field name with another control character", {
  { label = "HTAB", "x\ttest" }, { label = "0x01", "x\1test" }, { label = "0x0b", "x\vtest" }, { label = "ESC", "x\27test" },
  { label = "0x1f", "x\31test" },
})
refused("del", "RFC9113-8.2.1-6", "a field name with DEL", {
  { label = "inside", "x\127test" }, { label = "at its end", "x-test\127" },
})
refused("high-octet", "RFC9113-8.2.1-7", "a field name with an octet above 0x7f", {
  { label = "0x80", "x\x80test" }, { label = "0xff", "x-test\xff" }, { label = "UTF-8", "x-\u{e4}" },
})
refused("colon", "RFC9113-8.2.1-8", "a field name with a colon that is not its first octet", {
  { label = "inside", "x:test" }, { label = "at its end", "x-test:" }, { label = "two", "x::test" },
})

case {
  id = "no-token",
  title = "a field name that is empty, or has a character that no token has",
  req = "RFC9113-8.2.1-9",
  each = {
    { label = "empty", "" }, { label = "(", "x(test" }, { label = ")", "x)test" }, { label = "comma", "x,test" },
    { label = "/", "x/test" }, { label = ";", "x;test" }, { label = "<", "x<test" }, { label = "=", "x=test" },
    { label = ">", "x>test" }, { label = "?", "x?test" }, { label = "@", "x@test" }, { label = "[", "x[test" },
    { label = "backslash", "x\\test" }, { label = "]", "x]test" }, { label = "{", "x{test" }, { label = "}", "x}test" },
    { label = "quotation mark", 'x"test' },
  },
  run = function(conn, row)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true,
      fields = unindexed(with(get(target.path), { row[1], "h2probe" })) })
    conn:expect(malformed(stream))
  end,
}

case {
  id = "answered-with-400",
  title = "a request with a forbidden field name gets status 400, or another 4xx",
  req = "RFC9113-8.2.1-18",
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true,
      fields = unindexed(with(get(target.path), { "x test", "h2probe" })) })
    local answer = conn:response(stream)
    local status = answer and answer.status
    if status and status >= 400 and status <= 499 then return end
    conn:expect(malformed(stream))
    warn("the request was refused without a 4xx response")
  end,
}

case {
  id = "unusual",
  title = "a field name of all characters that a token may have in HTTP/2",
  req = "RFC9113-8.2.1-17",
  each = {
    { label = "signs", "x!#$%&'*+-.^_`|~" }, { label = "digits", "0123456789" }, { label = "letters", "abcdefghijklmnopqrstuvwxyz" },
  },
  run = function(conn, row)
    local stream = conn:request { path = target.path, fields = { literal { row[1], "h2probe" } } }
    conn:expect(any_of {
      response(stream, target.status),
      soft(response(stream, "4xx"), "a policy of this server"),
    })
  end,
}
