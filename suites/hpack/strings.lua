-- Strings, plain and in Huffman code (RFC 7541 section 5.2).
suite { "strings", title = "strings", rfc = 7541, section = "5.2" }

local function request(conn, tail)
  local stream = conn:new_stream()
  conn:send(HEADERS { stream = stream, end_stream = true, fields = with(unindexed(get(target.path)), tail) })
  return stream
end

-- The octets of a string, as the value and as the name of a field.
local function refuses(id, req, title, h2spec, rows, codes)
  local each = {}
  for _, row in ipairs(rows) do
    local string = hex(row[1])
    each[#each + 1] = { label = row.label .. ", value", "\0\1a" .. string }
    each[#each + 1] = { label = row.label .. ", name", "\0" .. string .. "\1b" }
  end
  case {
    id = id, title = title, req = req, h2spec = h2spec, each = each,
    run = function(conn, row)
      request(conn, raw(row[1]))
      conn:expect(connection_error(codes or { "COMPRESSION_ERROR" }))
    end,
  }
end

refuses("padding-too-long", "RFC7541-5.2-1", "a Huffman string with padding longer than 7 bits", "hpack/5.2/1", {
  { label = "one octet too many", "82 1fff" }, { label = "nothing but padding", "81 ff" },
  { label = "two octets too many", "83 1fffff" }, { label = "eight bits after a whole octet", "86 1c6490b2cd ff" },
})
refuses("padding-of-zeros", "RFC7541-5.2-2", "a Huffman string whose padding is not the start of EOS", "hpack/5.2/2", {
  { label = "zeros", "81 18" }, { label = "the last bit", "81 1e" }, { label = "the first bit", "81 1b" },
})
refuses("eos", "RFC7541-5.2-3", "a Huffman string with the EOS symbol", "hpack/5.2/3", {
  { label = "alone", "84 ffffffff" }, { label = "at the end", "85 1fffffffff" }, { label = "in the middle", "85 1fffffffe3" },
})
refuses("longer-than-block", "RFC7541-5.2-4", "a string that is longer than the rest of the block", nil, {
  { label = "plain", "64 61626364" }, { label = "Huffman", "e4 1c6490b2" }, { label = "by one, plain", "7f 81 01 61" },
}, { "COMPRESSION_ERROR", also = { "FRAME_SIZE_ERROR" } })

case {
  id = "empty",
  title = "an empty value, plain and with the Huffman bit",
  req = "RFC7541-5.2-5",
  each = { { label = "plain", "\0\1a\0" }, { label = "Huffman", "\0\1a\x80" } },
  run = function(conn, row) conn:expect(response(request(conn, raw(row[1])), target.status)) end,
}

local function range(from, to)
  local out = {}
  for octet = from, to do out[#out + 1] = string.char(octet) end
  return table.concat(out)
end

-- What a resource that shows the fields says of x-h2probe, or nil.
local function shown(conn, value)
  local stream = conn:request { path = target.paths.fields,
    fields = { literal { "x-h2probe", "<" .. value .. ">", huffman = true } } }
  conn:expect(response(stream, "2xx"))
  return ("\n" .. conn:response(stream).body):match "\nx%-h2probe: <([^\n]*)>"
end

case {
  id = "huffman-printable",
  title = "every printable character in Huffman code",
  req = "RFC7541-5.2-6",
  each = {
    { label = "letters", range(0x61, 0x7a) .. range(0x41, 0x5a) }, { label = "digits and signs", range(0x21, 0x40) .. range(0x5b, 0x60) },
    { label = "the rest", "a b{|}~z" }, { label = "7 bits of padding", "aaaaa" }, { label = "no padding", "aaaaaaaa" },
  },
  run = function(conn, row)
    local stream = request(conn, literal { "x-h2probe", row[1], huffman = true })
    conn:expect(response(stream, target.status))
  end,
}

case {
  id = "huffman-high-octets",
  title = "octets above 0x7f in Huffman code",
  req = "RFC7541-5.2-6",
  each = { { label = "0x80 to 0xbf", range(0x80, 0xbf) }, { label = "0xc0 to 0xff", range(0xc0, 0xff) } },
  run = function(conn, row)
    local stream = request(conn, literal { "x-h2probe", row[1], huffman = true })
    conn:expect(response(stream, { target.status, "4xx" }))
  end,
}

case {
  id = "huffman-shown",
  title = "every octet that a value may have in Huffman code, as a resource that shows it sees it",
  req = "RFC7541-5.2-6",
  violate = "RFC7541-5.2-6=misread",
  needs = { "fields" },
  each = { { label = "below 0x80", "\t" .. range(0x20, 0x7e) }, { label = "from 0x80", range(0x80, 0xff) } },
  run = function(conn, row)
    local seen = shown(conn, row[1])
    check(seen == row[1], "the octets that were sent", seen and "others" or "no such field")
  end,
}
