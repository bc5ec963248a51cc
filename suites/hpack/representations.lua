-- Every representation of a field, as a server's decoder has to take it (RFC 7541 sections 3.2 and 6).
suite { "representations", title = "representations", rfc = 7541, section = "6" }

local STATIC = { [":method"] = 2, [":scheme"] = 6, [":authority"] = 1, [":path"] = 4 }

-- The ordinary request, each field in this form.
local function request(conn, form)
  local list = {}
  for i, field in ipairs(get(target.path)) do
    list[i] = literal { field[1], field[2], kind = form.kind, huffman = form.huffman,
      index = form.named and STATIC[field[1]] or nil }
  end
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
  return stream
end

-- The ordinary request with this in place of :path, and nothing inserted.
local function with_path(conn, path)
  local list = {}
  for i, field in ipairs(get(target.path)) do
    list[i] = field[1] == ":path" and path or literal { field[1], field[2] }
  end
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
  return stream
end

-- What was inserted last; a peer may allow no table at all.
local function newest(conn)
  if #conn:table "ours" == 0 then skip "the peer's table is too small for the entry" end
  return 62
end

case {
  id = "indexed",
  title = "indexed fields of the static table",
  req = "RFC7541-2.3.1-1",
  h2spec = "generic/5/1",
  run = function(conn)
    local list = {}
    for i, field in ipairs(get(target.path)) do
      local index = STATIC[field[1]]
      if field[1] == ":scheme" then index = field[2] == "https" and 7 or 6 end
      local known = field[1] == ":method" or field[1] == ":scheme" or field[1] == ":path" and field[2] == "/"
      list[i] = known and indexed(index) or literal { field[1], field[2] }
    end
    list[#list + 1] = indexed(16)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
    conn:expect(response(stream, target.status))
  end,
}

case {
  id = "static-names",
  title = "names by their index in the static table",
  req = "RFC7541-2.3.1-1",
  violate = "RFC7541-2.3.1-1=names",
  each = {
    { label = "15 accept-charset", 15, "utf-8" }, { label = "17 accept-language", 17, "en" }, { label = "19 accept", 19, "*/*" },
    { label = "24 cache-control", 24, "no-cache" }, { label = "32 cookie", 32, "a=b" }, { label = "37 from", 37, "a@h2probe.invalid" },
    { label = "51 referer", 51, "http://h2probe.invalid/" }, { label = "58 user-agent", 58, "h2probe" },
    { label = "60 via", 60, "2 h2probe" }, { label = "61 www-authenticate", 61, "h2probe" },
  },
  run = function(conn, row)
    local stream = conn:request { path = target.path, fields = { literal { "", row[2], index = row[1] } } }
    conn:expect(response(stream, target.status))
  end,
}

-- Names that the resource would act on are left out: content-length, expect, host, conditions, range, transfer-encoding.
local NAMES = {
  [15] = "accept-charset", [16] = "accept-encoding", [17] = "accept-language", [18] = "accept-ranges", [19] = "accept",
  [20] = "access-control-allow-origin", [21] = "age", [22] = "allow", [23] = "authorization", [24] = "cache-control",
  [25] = "content-disposition", [26] = "content-encoding", [27] = "content-language", [29] = "content-location",
  [30] = "content-range", [31] = "content-type", [32] = "cookie", [33] = "date", [34] = "etag", [36] = "expires", [37] = "from",
  [44] = "last-modified", [45] = "link", [46] = "location", [47] = "max-forwards", [48] = "proxy-authenticate",
  [49] = "proxy-authorization", [51] = "referer", [52] = "refresh", [53] = "retry-after", [54] = "server", [55] = "set-cookie",
  [56] = "strict-transport-security", [58] = "user-agent", [59] = "vary", [60] = "via", [61] = "www-authenticate",
}

case {
  id = "static-names-shown",
  title = "the names of the static table, as a resource that shows them sees them",
  req = "RFC7541-2.3.1-1",
  violate = "RFC7541-2.3.1-1=misnamed",
  needs = { "fields" },
  run = function(conn)
    local list = {}
    for index = 15, 61 do
      if NAMES[index] then list[#list + 1] = literal { "", "h2probe-" .. index, index = index } end
    end
    local stream = conn:request { path = target.paths.fields, fields = list }
    conn:expect(response(stream, "2xx"))
    local shown = "\n" .. conn:response(stream).body
    for index, name in pairs(NAMES) do
      check(shown:find(("\n%s: h2probe-%d"):format(name, index), 1, true), ("index %d is %s"):format(index, name),
        "another name, or none")
    end
  end,
}

local kinds = {
  { "incremental", "with incremental indexing", { "RFC7541-3.2-2", "RFC7541-6.2.1-1" }, 2 },
  { "without", "without indexing", { "RFC7541-3.2-3", "RFC7541-6.2.2-1" }, 6 },
  { "never", "never indexed", { "RFC7541-3.2-4", "RFC7541-6.2.3-2" }, 10 },
}

for _, row in ipairs(kinds) do
  local kind, text, reqs, first = row[1], row[2], row[3], row[4]
  for position, name in ipairs { "indexed", "new" } do
    for offset, coding in ipairs { "plain", "huffman" } do
      case {
        id = ("%s-%s-name-%s"):format(kind, name, coding),
        title = ("literals %s, %s names, %s"):format(text, name, coding == "plain" and "plain" or "in Huffman code"),
        req = reqs[position],
        h2spec = ("generic/5/%d"):format(first + 2 * (position - 1) + offset - 1),
        run = function(conn)
          local stream = request(conn, { kind = kind, named = name == "indexed", huffman = coding == "huffman" })
          conn:expect(response(stream, target.status))
        end,
      }
    end
  end
end

case {
  id = "incremental-inserted",
  title = "a literal with incremental indexing is an entry for the next request",
  req = "RFC7541-3.2-2",
  violate = "RFC7541-3.2-2=lost",
  each = {
    { label = "indexed name, plain", index = 4, huffman = false }, { label = "indexed name, Huffman", index = 4, huffman = true },
    { label = "new name, plain", huffman = false }, { label = "new name, Huffman", huffman = true },
  },
  run = function(conn, row)
    local path = literal { ":path", target.path, kind = "incremental", index = row.index, huffman = row.huffman }
    conn:expect(response(with_path(conn, path), target.status))
    conn:expect(response(with_path(conn, indexed(newest(conn))), target.status))
  end,
}

for _, row in ipairs { kinds[2], kinds[3] } do
  local kind, text, reqs = row[1], row[2], row[3]
  case {
    id = kind .. "-not-inserted",
    title = ("a literal %s is no entry for the next request"):format(text),
    req = reqs[1],
    violate = reqs[1] .. "=insert",
    each = { { label = "indexed name", index = 4 }, { label = "new name" } },
    run = function(conn, given)
      local path = literal { ":path", target.path, kind = kind, index = given.index }
      conn:expect(response(with_path(conn, path), target.status))
      with_path(conn, indexed(62))
      conn:expect(connection_error "COMPRESSION_ERROR")
    end,
  }
end

case {
  id = "dynamic-reference",
  title = "an entry of the dynamic table, as a field and as a name",
  req = "RFC7541-3.2-1",
  violate = { "RFC7541-3.2-1", "RFC7541-3.2-1=misread" },
  each = { { label = "field" }, { label = "name", kind = "without" }, { label = "name of a new entry", kind = "incremental" } },
  run = function(conn, row)
    conn:expect(response(with_path(conn, literal { ":path", target.path, kind = "incremental" }), target.status))
    local entry = newest(conn)
    local path = row.kind and literal { "", target.path, kind = row.kind, index = entry } or indexed(entry)
    conn:expect(response(with_path(conn, path), target.status))
  end,
}

case {
  id = "field-order",
  title = "fields of one name keep their order",
  req = "RFC7541-2.1-2",
  needs = { "fields" },
  run = function(conn)
    local stream = conn:request { path = target.paths.fields, fields = { { "x-h2probe", "1" }, { "x-h2probe", "2" },
      { "x-h2probe", "3" } } }
    conn:expect(response(stream, "2xx"))
    local seen = {}
    for value in ("\n" .. conn:response(stream).body):gmatch "\nx%-h2probe: ([^\r\n]*)" do seen[#seen + 1] = value end
    local text = table.concat(seen, ", "):gsub(", *", ", ")
    check(text == "1, 2, 3", "x-h2probe: 1, 2, 3", "x-h2probe: " .. text)
  end,
}
