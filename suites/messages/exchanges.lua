-- Requests and their responses (RFC 9113 section 8.1).
suite { "exchanges", title = "requests and responses", rfc = 9113, section = "8.1" }

case {
  id = "get",
  title = "a GET request is answered on its stream",
  req = "RFC9113-8.1-1",
  h2spec = "generic/4/1",
  run = function(conn) conn:expect(response(conn:request { path = target.path }, target.status)) end,
}

case {
  id = "post",
  title = "a POST request is answered on its stream",
  req = "RFC9113-8.1-1",
  h2spec = "generic/4/3",
  needs = { "post" },
  run = function(conn)
    local path = target.paths.echo or target.paths.post
    local stream = conn:request { method = "POST", path = path, body = "what h2probe posts" }
    conn:expect(response(stream, "2xx"))
    if target.paths.echo then
      check(conn:response(stream).body == "what h2probe posts", "the content comes back", conn:response(stream).body)
    end
  end,
}

case {
  id = "head",
  title = "the response to a HEAD request has no content",
  req = "RFC9113-8.1-18",
  h2spec = "generic/4/2",
  needs = { "content" },
  run = function(conn)
    local stream = conn:request { method = "HEAD", path = target.paths.content }
    conn:expect(response(stream))
    check(conn:data_octets(stream) == 0, "no octets of content", ("%d octets"):format(conn:data_octets(stream)))
  end,
}

case {
  id = "side-by-side",
  title = "each of two requests at once is answered on its own stream",
  req = "RFC9113-8.1-1",
  violate = { "RFC9113-8.1-1", "RFC9113-8.1-1=crossed" },
  needs = { "content" },
  run = function(conn)
    local path = target.paths.content
    local first, second = conn:request { path = path }, conn:request { method = "HEAD", path = path }
    conn:expect(response(first))
    conn:expect(response(second))
    check(conn:data_octets(second) == 0, "no content in the answer to HEAD", ("%d octets"):format(conn:data_octets(second)))
    check(conn:data_octets(first) > 0, "content in the answer to GET", ("none on stream %d"):format(first))
  end,
}

case {
  id = "early-response",
  title = "a request whose end comes late is answered, early or when it is complete",
  req = "RFC9113-8.1-15",
  needs = { "post" },
  run = function(conn)
    local stream = conn:request { method = "POST", path = target.paths.post, end_stream = false }
    conn:barrier()
    if conn:state(stream) ~= "closed" then conn:send(DATA { stream = stream, end_stream = true, "test" }) end
    conn:expect(response(stream, { "2xx", "4xx" }))
  end,
}
