-- Field blocks that a server's decoder must take or refuse (RFC 7541 sections 2 to 6).
suite { "decoding", title = "HPACK decoding", rfc = 7541, section = "6" }

-- One request whose field block is the ordinary one with these octets behind it.
local function request(conn, tail)
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = with(get(target.path), raw(tail)) })
  return stream
end

local function refuses(id, req, title, h2spec, tails, more)
  case {
    id = id, title = title, req = req, h2spec = h2spec, each = tails,
    run = function(conn, row)
      request(conn, hex(row[1]))
      conn:expect(connection_error { "COMPRESSION_ERROR", table.unpack(more or {}) })
    end,
  }
end

refuses("index-0", "RFC7541-6.1-1", "an indexed field with index 0", "hpack/6.1/1", { { label = "80", "80" } })
refuses("index-beyond-tables", "RFC7541-2.3.3-1", "an indexed field with an index above both tables", "hpack/2.3.3/1",
  { { label = "index 120", "f8" }, { label = "index 200", "ff 49" } })
refuses("name-index-beyond-tables", "RFC7541-2.3.3-2",
  "a literal with incremental indexing whose name index is above both tables", "hpack/2.3.3/2",
  { { label = "index 120", "7f 39 01 61" } })
refuses("name-index-beyond-tables-not-indexed", "RFC7541-2.3.3-3",
  "a literal without indexing or never indexed whose name index is above both tables", nil,
  { { label = "without indexing", "0f 69 01 61" }, { label = "never indexed", "1f 69 01 61" } })
refuses("integer-overflow", "RFC7541-5.1-2", "an integer beyond every limit", nil,
  { { label = "index", "ff ffffffffffffffffff 7f" }, { label = "string length", "00 7f ffffffffffffffffff 7f" },
    { label = "size update", "3f ffffffffffffffffff 7f" } })
refuses("integer-truncated", "RFC7541-5.1-4", "a field block that ends inside an integer", nil,
  { { label = "after the prefix", "ff" }, { label = "after a continuation octet", "ff 80" } }, { "FRAME_SIZE_ERROR" })
refuses("string-too-long", "RFC7541-5.2-4", "a string that is longer than the rest of the block", nil,
  { { label = "name", "00 64 61626364" }, { label = "value", "00 01 61 64 61626364" } }, { "FRAME_SIZE_ERROR" })
refuses("huffman-padding-long", "RFC7541-5.2-1", "a Huffman string with padding longer than 7 bits", "hpack/5.2/1",
  { { label = "one octet too many", "00 01 61 82 1f ff" } })
refuses("huffman-padding-bits", "RFC7541-5.2-2", "a Huffman string padded with zeros", "hpack/5.2/2",
  { { label = "zeros", "00 01 61 81 18" } })
refuses("huffman-eos", "RFC7541-5.2-3", "a Huffman string with the EOS symbol", "hpack/5.2/3",
  { { label = "EOS alone", "00 01 61 84 ffffffff" } })

case {
  id = "size-update-late",
  title = "a dynamic table size update after a field",
  req = "RFC7541-4.2-3",
  h2spec = "hpack/4.2/1",
  run = function(conn)
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = with(get "/", size_update(1)) })
    conn:expect(any_of {
      connection_error { "COMPRESSION_ERROR" },
      soft(response(stream), "RFC 7541 names no decoding error for a late size update"),
    })
  end,
}

case {
  id = "size-update-too-large",
  title = "a dynamic table size update above the limit",
  req = "RFC7541-6.3-1",
  h2spec = "hpack/6.3/1",
  run = function(conn)
    local limit = conn:setting("theirs", "HEADER_TABLE_SIZE")
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, 
      fields = { size_update(limit + 1), table.unpack(unindexed(get "/")) } })
    conn:expect(connection_error "COMPRESSION_ERROR")
  end,
}

case {
  id = "size-update-accepted",
  title = "one and two size updates at the start of a block",
  req = { "RFC7541-4.2-5", "RFC7541-6.3-2" },
  each = { { label = "0", 0 }, { label = "0, then the limit", 0, true } },
  run = function(conn, row)
    local block = { size_update(row[1]) }
    if row[2] then block[2] = size_update(conn:setting("theirs", "HEADER_TABLE_SIZE")) end
    for _, field in ipairs(unindexed(get(target.path))) do block[#block + 1] = field end
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = block })
    conn:expect(response(stream, target.status))
  end,
}

local forms = {
  { id = "indexed-static", req = "RFC7541-2.3.1-1", title = "indexed fields of the static table",
    fields = function()
      return { indexed(2), indexed(target.scheme == "https" and 7 or 6), indexed(4),
        literal { ":authority", target.authority, kind = "without", index = 1 } }
    end },
  { id = "literal-incremental", req = "RFC7541-3.2-2", kind = "incremental",
    title = "literals with incremental indexing, with new names" },
  { id = "literal-without", req = "RFC7541-3.2-3", kind = "without", title = "literals without indexing, with new names" },
  { id = "literal-never", req = "RFC7541-3.2-4", kind = "never", title = "never-indexed literals, with new names" },
}

for _, form in ipairs(forms) do
  case {
    id = form.id, title = form.title .. " are decoded", req = form.req,
    each = { { label = "plain", huffman = false }, { label = "Huffman", huffman = true } },
    run = function(conn, row)
      local list = form.fields and form.fields() or {}
      if form.kind then
        for _, field in ipairs(get(target.path)) do
          list[#list + 1] = literal { field[1], field[2], kind = form.kind, huffman = row.huffman }
        end
      end
      local stream = conn:new_stream()
      conn:send(HEADERS { stream = stream, end_stream = true, fields = list })
      conn:expect(response(stream, form.kind and target.status))
    end,
  }
end

case {
  id = "dynamic-reference",
  title = "a field that an earlier request put into the dynamic table is referred to",
  req = "RFC7541-3.2-1",
  run = function(conn)
    local first = conn:request { path = target.path, fields = { literal { "x-h2probe", "kept", kind = "incremental" } } }
    conn:expect(response(first))
    local stream = conn:new_stream()
    conn:send(HEADERS { stream = stream, end_stream = true, fields = with(get(target.path), indexed(62)) })
    conn:expect(response(stream, target.status))
  end,
}

case {
  id = "empty-string",
  title = "an empty value, plain and with the Huffman bit",
  req = "RFC7541-5.2-5",
  each = { { label = "plain", "00 01 61 00" }, { label = "Huffman", "00 01 61 80" } },
  run = function(conn, row)
    conn:expect(response(request(conn, hex(row[1])), target.status))
  end,
}

case {
  id = "long-integers",
  title = "string lengths of 127, 128 and 2,000 octets",
  req = "RFC7541-5.1-1",
  each = { 127, 128, 2000 },
  run = function(conn, length)
    local stream = conn:request { path = target.path,
      fields = { literal { "x-long", octets(length, "a"), kind = "without", huffman = false } } }
    conn:expect(response(stream, target.status))
  end,
}
