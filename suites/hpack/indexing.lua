-- Indices that stand for nothing (RFC 7541 sections 2.3.3 and 6.1).
suite { "indexing", title = "the index address space", rfc = 7541, section = "2.3.3" }

local EMPTY <const> = 62 -- the first index of the dynamic table

-- The ordinary request with these octets behind it.
local function refuses(id, req, title, h2spec, rows, more)
  local given = {
    id = id, title = title, req = req, h2spec = h2spec, each = rows,
    run = function(conn, row)
      conn:send(HEADERS { stream = conn:new_stream(), end_stream = true,
        fields = with(unindexed(get(target.path)), raw(hex(row[1]))) })
      conn:expect(connection_error "COMPRESSION_ERROR")
    end,
  }
  for key, value in pairs(more or {}) do given[key] = value end
  case(given)
end

refuses("index-0", "RFC7541-6.1-1", "an indexed field with index 0", "hpack/6.1/1", { { label = "80", "80" } })
refuses("beyond-both", "RFC7541-2.3.3-1", "an indexed field with an index above both tables", "hpack/2.3.3/1", {
  { label = "index 62", "be" }, { label = "index 63", "bf" }, { label = "index 70", "c6" }, { label = "index 126", "fe" },
  { label = "index 127", "ff 00" }, { label = "index 200", "ff 49" }, { label = "index 65535", "ff 80ff03" },
})
refuses("beyond-static", "RFC7541-2.3.1-1", "index 62 while the dynamic table is empty", nil, { { label = "be", "be" } },
  { violate = "RFC7541-2.3.1-1=beyond" })
refuses("name-beyond-both", "RFC7541-2.3.3-2", "a literal with incremental indexing whose name index is above both tables",
  "hpack/2.3.3/2", {
    { label = "index 62", "7e 01 61" }, { label = "index 70", "7f 07 01 61" }, { label = "index 120", "7f 39 01 61" },
  })
refuses("name-beyond-both-without", "RFC7541-2.3.3-3", "a literal without indexing whose name index is above both tables", nil,
  { { label = "index 62", "0f 2f 01 61" }, { label = "index 120", "0f 69 01 61" } })
refuses("name-beyond-both-never", "RFC7541-2.3.3-3", "a never-indexed literal whose name index is above both tables", nil,
  { { label = "index 62", "1f 2f 01 61" }, { label = "index 120", "1f 69 01 61" } })

case {
  id = "beyond-last-entry",
  title = "an index one above the last entry of the dynamic table",
  req = "RFC7541-2.3.3-1",
  each = { 1, 3 },
  run = function(conn, entries)
    local list = {}
    for i = 1, entries do list[i] = literal { "x-h2probe", tostring(i), kind = "incremental" } end
    conn:expect(response(conn:request { path = target.path, fields = list }, target.status))
    conn:send(HEADERS { stream = conn:new_stream(), end_stream = true,
      fields = with(unindexed(get(target.path)), indexed(#conn:table "ours" + EMPTY)) })
    conn:expect(connection_error "COMPRESSION_ERROR")
  end,
}

case {
  id = "in-trailers",
  title = "an index above both tables in trailers",
  req = "RFC7541-2.3.3-1",
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, fields = unindexed(post(target.path)) },
      HEADERS { stream = stream, end_stream = true, fields = { raw(hex "ff 49") } })
    conn:expect(connection_error "COMPRESSION_ERROR")
  end,
}
