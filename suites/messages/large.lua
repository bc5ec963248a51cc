-- Field sections that are larger than most servers like (RFC 9113 section 10.5.1).
suite { "large", title = "large field sections", rfc = 9113, section = "10.5.1" }

local function answered_or_refused(stream)
  return any_of {
    response(stream, { "2xx", "3xx", "4xx", 503 }),
    stream_error { stream = stream, "ENHANCE_YOUR_CALM", "REFUSED_STREAM", "CANCEL", "PROTOCOL_ERROR", "FRAME_SIZE_ERROR",
      "COMPRESSION_ERROR" },
  }
end

-- Ten fields of 4 KiB, in HEADERS and as few CONTINUATION frames as the peer's frame size allows.
local function large_request(conn)
  local list = get(target.path)
  for i = 1, 10 do list[#list + 1] = literal { "x-h2probe-" .. i, octets(4096, "a"), huffman = false } end
  local block, size, stream = conn:encode(list), conn:setting("theirs", "MAX_FRAME_SIZE"), conn:new_stream()
  size = math.min(size, 16384)
  conn:send(HEADERS { stream = stream, end_stream = true, end_headers = #block <= size, fragment = block:sub(1, size) })
  for at = size + 1, #block, size do
    conn:send(CONTINUATION { stream = stream, end_headers = at + size > #block, fragment = block:sub(at, at + size - 1) })
  end
  return stream
end

case {
  id = "many-fields",
  title = "a request with 300 small fields is answered, refused or ends the connection",
  req = "RFC9113-10.5.1-2",
  violate = "RFC9113-10.5.1-2=many",
  run = function(conn)
    local list = {}
    for i = 1, 300 do list[i] = literal { "x-h2probe", tostring(i) } end
    conn:expect(answered_or_refused(conn:request { path = target.path, fields = list }))
  end,
}

case {
  id = "answered",
  title = "a request with 40 KiB of fields is answered, refused or ends the connection",
  req = "RFC9113-10.5.1-2",
  run = function(conn)
    local stream = large_request(conn)
    conn:expect(answered_or_refused(stream))
  end,
}
