-- Pseudo-header fields: which there are, how often, and where (RFC 9113 section 8.3).
suite { "pseudo-headers", title = "pseudo-header fields", rfc = 9113, section = "8.3" }

local function send(conn, list)
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = unindexed(list) })
  return stream
end

-- A request with pseudo-header fields before all others.
local function beginning_with(name, value)
  return with({ { name, value } }, table.unpack(get(target.path)))
end

case {
  id = "undefined",
  title = "a request with an undefined pseudo-header field",
  req = { "RFC9113-8.3-4", "RFC9113-8.1.1-10" },
  h2spec = "http2/8.1.2.1/1",
  each = {
    { label = ":test", ":test", "ok" }, { label = "a colon alone", ":", "ok" }, { label = ":Method", ":Method", "GET" },
    { label = ":host", ":host", "h2probe" },
  },
  run = function(conn, row)
    conn:expect(malformed(send(conn, with(get(target.path), { row[1], row[2] }))))
  end,
}

case {
  id = "of-a-response",
  title = "a request with :status",
  req = "RFC9113-8.3-2",
  h2spec = "http2/8.1.2.1/2",
  each = { { label = "last" }, { label = "first", first = true } },
  run = function(conn, row)
    local list = row.first and beginning_with(":status", "200") or with(get(target.path), { ":status", "200" })
    conn:expect(malformed(send(conn, list)))
  end,
}

case {
  id = "after-a-regular-field",
  title = "a pseudo-header field after a regular one",
  req = "RFC9113-8.3-5",
  h2spec = "http2/8.1.2.1/4",
  each = {
    { label = "one before all", ":method" }, { label = "before :path", ":path" }, { label = "before :scheme", ":scheme" },
    { label = "before :authority", ":authority" },
  },
  run = function(conn, row)
    local list
    if row[1] == ":method" then
      list = with({ { "x-h2probe", "first" } }, table.unpack(get(target.path)))
    else
      local late = { row[1], field(get(target.path), row[1]) }
      list = with(without(get(target.path), row[1]), { "x-h2probe", "before" }, late)
    end
    conn:expect(malformed(send(conn, list)))
  end,
}

local repeated = {
  { "method", "RFC9113-8.3-6", "http2/8.1.2.3/5", "POST" }, { "scheme", "RFC9113-8.3-7", "http2/8.1.2.3/6", "http" },
  { "path", "RFC9113-8.3-8", "http2/8.1.2.3/7", "/?h2probe" }, { "authority", "RFC9113-8.3-9", nil, "h2probe.invalid" },
}

for _, row in ipairs(repeated) do
  local name, req, h2spec, other = ":" .. row[1], row[2], row[3], row[4]
  case {
    id = "repeated-" .. row[1],
    title = ("a request with %s twice"):format(name),
    req = req,
    h2spec = h2spec,
    each = { { label = "the same value" }, { label = "another value", other = other } },
    run = function(conn, given)
      local value = given.other or field(get(target.path), name)
      conn:expect(malformed(send(conn, with(get(target.path), { name, value }))))
    end,
  }
end

local missing = {
  { "method", "RFC9113-8.3.1-17", "http2/8.1.2.3/2" }, { "scheme", "RFC9113-8.3.1-18", "http2/8.1.2.3/3" },
  { "path", "RFC9113-8.3.1-19", "http2/8.1.2.3/4" },
}

for _, row in ipairs(missing) do
  case {
    id = "missing-" .. row[1],
    title = ("a request without :%s"):format(row[1]),
    req = row[2],
    h2spec = row[3],
    run = function(conn) conn:expect(malformed(send(conn, without(get(target.path), ":" .. row[1])))) end,
  }
end

case {
  id = "order",
  title = "the pseudo-header fields in another order",
  req = "RFC9113-8.3-13",
  each = {
    { label = "reversed", ":path", ":authority", ":scheme", ":method" },
    { label = ":authority first", ":authority", ":method", ":path", ":scheme" },
  },
  run = function(conn, row)
    local list = {}
    for i, name in ipairs(row) do list[i] = { name, field(get(target.path), name) } end
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
    conn:expect(response(stream, target.status))
  end,
}
