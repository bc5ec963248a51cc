-- Ordinary exchanges under settings that no other case has: what the watchman sees there is the point of them.
suite { "traffic", title = "Ordinary traffic", rfc = 9113, section = "8.1" }

local function answered(conn, stream)
  conn:expect(response(stream))
end

case {
  id    = "push-allowed",
  title = "GET from a client that has not refused pushes",
  req   = "RFC9113-8.1-1",
  settings = { ENABLE_PUSH = 1 },
  run   = function(conn)
    answered(conn, conn:request {})
    answered(conn, conn:request { path = target.paths.content })
  end,
}

case {
  id    = "one-push-allowed",
  title = "GET from a client that allows one pushed stream at a time",
  req   = "RFC9113-8.1-1",
  settings = { ENABLE_PUSH = 1, MAX_CONCURRENT_STREAMS = 1 },
  run   = function(conn)
    answered(conn, conn:request { path = target.paths.content })
  end,
}

case {
  id    = "goodbye",
  title = "GOAWAY from a client that has not refused pushes, while its request is open",
  req   = "RFC9113-8.1-1",
  needs = { "post" },
  settings = { ENABLE_PUSH = 1 },
  run   = function(conn)
    local stream = conn:request { method = "POST", path = target.paths.post, end_stream = false }
    conn:send(GOAWAY { error = "NO_ERROR" })
    conn:barrier()
    conn:send(DATA { stream = stream, end_stream = true, "content" })
    conn:expect(any_of { response(stream), closed() })
  end,
}

case {
  id    = "larger-table",
  title = "a larger HPACK table is announced in the middle of a request",
  req   = "RFC9113-8.1-1",
  needs = { "post" },
  run   = function(conn)
    local stream = conn:request { method = "POST", path = target.paths.post, end_stream = false }
    conn:send(SETTINGS { HEADER_TABLE_SIZE = 8192 })
    conn:send(DATA { stream = stream, end_stream = true, "content" })
    answered(conn, stream)
    answered(conn, conn:request {})
  end,
}

case {
  id    = "smaller-table",
  title = "no HPACK table at all is announced between two requests",
  req   = "RFC9113-8.1-1",
  run   = function(conn)
    answered(conn, conn:request {})
    conn:settings { HEADER_TABLE_SIZE = 0 }
    answered(conn, conn:request {})
  end,
}

case {
  id    = "held-open",
  title = "a request that stays open over two PINGs",
  req   = "RFC9113-8.1-1",
  needs = { "post" },
  run   = function(conn)
    local stream = conn:request { method = "POST", path = target.paths.post, end_stream = false }
    conn:barrier()
    conn:send(DATA { stream = stream, end_stream = true, "content" })
    answered(conn, stream)
  end,
}

case {
  id    = "long-reset",
  title = "GET long after another request was reset",
  req   = "RFC9113-8.1-1",
  needs = { "post" },
  run   = function(conn)
    local stream = conn:request { method = "POST", path = target.paths.post, end_stream = false }
    conn:send(RST_STREAM { stream = stream, error = "CANCEL" })
    conn:barrier()
    conn:barrier()
    answered(conn, conn:request {})
  end,
}

case {
  id    = "padded-content",
  title = "padded content, and some time after it",
  req   = "RFC9113-8.1-1",
  needs = { "post" },
  run   = function(conn)
    local stream = conn:request { method = "POST", path = target.paths.post, end_stream = false }
    conn:send(DATA { stream = stream, end_stream = true, pad_length = 1, "content" })
    answered(conn, stream)
    conn:barrier()
  end,
}

case {
  id    = "small-windows",
  title = "content through windows of 100 octets, opened step by step",
  req   = "RFC9113-8.1-1",
  needs = { "large" },
  settings = { INITIAL_WINDOW_SIZE = 100 },
  auto  = { window = false },
  run   = function(conn)
    local stream = conn:request { path = target.paths.large }
    for _ = 1, 3 do
      conn:barrier()
      conn:send(WINDOW_UPDATE { stream = stream, increment = 100 })
    end
    conn:send(WINDOW_UPDATE { stream = stream, increment = 1000000 })
    conn:barrier()
    conn:send(WINDOW_UPDATE { stream = 0, increment = 100000000 }, WINDOW_UPDATE { stream = stream, increment = 100000000 })
    answered(conn, stream)
  end,
}
