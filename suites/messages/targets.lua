-- Values of the pseudo-header fields: what a request is aimed at (RFC 9113 sections 8.3.1 and 9.1.1).
suite { "targets", title = "request targets", rfc = 9113, section = "8.3.1" }

local function send(conn, list)
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = unindexed(list) })
  return stream
end

-- The target's path with a query that has these octets in it: static resources are found by what is before it.
local function queried(octets)
  return target.path .. (target.path:find("?", 1, true) and "&" or "?") .. "h2probe" .. octets .. "x"
end

local octets = { { label = "NUL", "\0" }, { label = "CR", "\r" }, { label = "LF", "\n" }, { label = "SP", " ", space = true } }

-- Behind its first octet, so that it is no white space around the value.
local function inside(value, octet) return value:sub(1, 1) .. octet .. value:sub(2) end

local values = {
  { "path", function(row) return queried(row[1]) end },
  { "authority", function(row) return inside(target.authority, row[1]) end },
  { "scheme", function(row) return inside(target.scheme, row[1]) end },
}

for _, value in ipairs(values) do
  local name, make = value[1], value[2]
  case {
    id = "forbidden-octet-in-" .. name,
    title = ("NUL, CR, LF or SP in :%s"):format(name),
    req = "RFC9113-8.3-11",
    each = octets,
    run = function(conn, row)
      local stream = send(conn, replace(get(target.path), ":" .. name, make(row)))
      local refused = malformed(stream)
      if row.space and name == "path" then
        refused = any_of { refused, soft(response(stream), "a space in :path is kept by many") }
      end
      conn:expect(refused)
    end,
  }
end

-- A method that is no token may be refused as malformed, or as one that is not known (RFC 9110 section 15.6.2).
local function unfit_method(stream)
  return any_of { malformed(stream), response(stream, { 405, 501 }) }
end

case {
  id = "forbidden-octet-in-method",
  title = "NUL, CR, LF or SP in :method",
  req = "RFC9113-8.3-11",
  each = octets,
  run = function(conn, row)
    local stream = send(conn, replace(get(target.path), ":method", "GE" .. row[1] .. "T"))
    local refused = unfit_method(stream)
    if row.space then refused = any_of { refused, soft(response(stream), "the rule is derived from that of a valid value") } end
    conn:expect(refused)
  end,
}

case {
  id = "method-empty",
  title = "an empty :method",
  req = "RFC9113-8.3-12",
  run = function(conn) conn:expect(unfit_method(send(conn, replace(get(target.path), ":method", "")))) end,
}

case {
  id = "method-no-token",
  title = "a :method that is no token",
  req = "RFC9113-8.3-12",
  caught = "warn",
  each = { { label = "GET/", "GET/" }, { label = "GET,", "GET," }, { label = "G(ET)", "G(ET)" } },
  run = function(conn, row)
    local stream = send(conn, replace(get(target.path), ":method", row[1]))
    conn:expect(any_of {
      unfit_method(stream), soft(response(stream), "the rule is derived from the definition of a valid value"),
    })
  end,
}

case {
  id = "path-empty",
  title = "an empty :path",
  req = "RFC9113-8.3.1-12",
  h2spec = "http2/8.1.2.3/1",
  run = function(conn) conn:expect(malformed(send(conn, replace(get(target.path), ":path", "")))) end,
}

case {
  id = "path-without-slash",
  title = "a :path that does not begin with a slash, or an asterisk with another method than OPTIONS",
  req = "RFC9113-8.3.1-16",
  violate = "RFC9113-8.3.1-16=silent",
  each = {
    { label = "*", "*" }, { label = "relative", "h2probe" },
    { label = "absolute", function() return target.scheme .. "://" .. target.authority .. "/" end },
  },
  run = function(conn, row)
    local path = type(row[1]) == "function" and row[1]() or row[1]
    local stream = send(conn, replace(get(target.path), ":path", path))
    conn:expect(any_of { malformed(stream), response(stream, { "2xx", "4xx" }) })
  end,
}

case {
  id = "options-asterisk",
  title = "OPTIONS with the :path *",
  req = "RFC9113-8.3.1-15",
  run = function(conn)
    local stream = conn:request { method = "OPTIONS", path = "*" }
    conn:expect(response(stream, { "2xx", "3xx", "4xx", 501 }))
  end,
}

case {
  id = "authority-userinfo",
  title = "an :authority with userinfo",
  req = "RFC9113-8.3.1-11",
  each = { { label = "user", "user@" }, { label = "user and password", "user:secret@" } },
  run = function(conn, row)
    conn:expect(malformed(send(conn, replace(get(target.path), ":authority", row[1] .. target.authority))))
  end,
}

case {
  id = "host-differs",
  title = "a host field that names another entity than :authority",
  req = "RFC9113-8.3.1-4",
  run = function(conn)
    conn:expect(malformed(send(conn, with(get(target.path), { "host", "other.h2probe.invalid" }))))
  end,
}

case {
  id = "host-equal",
  title = "a host field that is equal to :authority",
  req = "RFC9113-8.3.1-5",
  run = function(conn)
    local stream = send(conn, with(get(target.path), { "host", target.authority }))
    conn:expect(any_of { response(stream, target.status), soft(response(stream, 400), "seen in an older server") })
  end,
}

case {
  id = "host-alone",
  title = "a host field and no :authority",
  req = "RFC9113-8.3.1-6",
  run = function(conn)
    local stream = send(conn, with(without(get(target.path), ":authority"), { "host", target.authority }))
    conn:expect(any_of {
      response(stream, target.status), soft(response(stream, 400), "nothing makes a request without :authority malformed"),
    })
  end,
}

case {
  id = "no-authority-no-host",
  title = "neither :authority nor a host field: refused or answered",
  req = "RFC9113-8.3.1-7",
  violate = "RFC9113-8.3.1-7=silent",
  run = function(conn)
    local stream = send(conn, without(get(target.path), ":authority"))
    conn:expect(any_of { malformed(stream), response(stream, { "2xx", "3xx", "4xx" }) })
  end,
}

case {
  id = "another-scheme",
  title = "a :scheme that is neither http nor https: answered or refused",
  req = "RFC9113-8.3.1-21",
  violate = "RFC9113-8.3.1-21=silent",
  each = { "ftp", "foo+bar" },
  run = function(conn, scheme)
    local stream = send(conn, replace(get(target.path), ":scheme", scheme))
    conn:expect(any_of { malformed(stream), response(stream, { "2xx", "3xx", "4xx", "5xx" }) })
  end,
}

case {
  id = "unknown-authority",
  title = "an :authority that the server does not know: 421, another refusal, or a default host",
  req = "RFC9113-9.1.1-2",
  run = function(conn)
    local stream = send(conn, replace(get(target.path), ":authority", "h2probe.invalid"))
    conn:expect(response(stream, { "2xx", "3xx", "4xx", "5xx" }))
  end,
}
