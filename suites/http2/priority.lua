-- PRIORITY and priority fields: deprecated, but still of a form (RFC 9113 sections 5.3.2 and 6.3).
suite { "priority", title = "PRIORITY", rfc = 9113, section = "6.3" }

local DROPPED <const> = "a server that dropped PRIORITY altogether"

local function open_request(conn)
  conn:settings { INITIAL_WINDOW_SIZE = 0 }
  return conn:request { method = "POST", path = target.paths.content, end_stream = false }
end

case {
  id = "on-stream-0",
  title = "PRIORITY on stream 0",
  req = "RFC9113-6.3-1",
  h2spec = "http2/6.3/1",
  caught = "warn",
  run = function(conn)
    conn:send(PRIORITY { stream = 0 })
    conn:expect(any_of { connection_error "PROTOCOL_ERROR", soft(ignored(), DROPPED) })
  end,
}

for _, length in ipairs { 0, 4, 6 } do
  case {
    id = ("length-%d"):format(length),
    title = ("PRIORITY of %d octets on an open stream"):format(length),
    req = "RFC9113-6.3-2",
    h2spec = length == 4 and "http2/6.3/2" or nil,
    needs = { "content" },
    caught = "warn",
    run = function(conn)
      local stream = open_request(conn)
      conn:send(PRIORITY { stream = stream, payload = octets(length) })
      conn:expect(any_of { stream_error(stream, "FRAME_SIZE_ERROR"), soft(ignored(), DROPPED) })
    end,
  }
end

local function request_works(id, title, h2spec, req, make)
  case {
    id = id, title = title, req = req, h2spec = h2spec,
    run = function(conn)
      local stream = conn:new_stream()
      conn:send(make(stream), HEADERS { stream = stream, end_stream = true, fields = get(target.path) })
      conn:expect(response(stream, target.status))
    end,
  }
end

request_works("weight-1", "PRIORITY of weight 1 and then the request", "generic/3.3/1", "RFC9113-5.3.2-2",
  function(stream) return PRIORITY { stream = stream, weight = 0 } end)
request_works("weight-256", "PRIORITY of weight 256 and then the request", "generic/3.3/2", "RFC9113-5.3.2-2",
  function(stream) return PRIORITY { stream = stream, weight = 255 } end)
request_works("dependency", "PRIORITY that names a stream which was never used, and then the request", "generic/3.3/3",
  "RFC9113-5.3.2-2", function(stream) return PRIORITY { stream = stream, weight = 255, dependency = stream + 2 } end)
request_works("exclusive", "PRIORITY with an exclusive dependency, and then the request", "generic/3.3/4",
  "RFC9113-5.3.2-2",
  function(stream) return PRIORITY { stream = stream, weight = 255, dependency = stream + 2, exclusive = true } end)
request_works("higher-idle-stream", "PRIORITY on a higher stream does not make lower identifiers unexpected",
  { "generic/3.3/5" }, "RFC9113-5.1.1-8", function(stream) return PRIORITY { stream = stream + 2, weight = 255 } end)

case {
  id = "changes-nothing",
  title = "PRIORITY before, during and after a request changes no state",
  req = "RFC9113-6.3-3",
  needs = { "content" },
  run = function(conn)
    conn:settings { INITIAL_WINDOW_SIZE = 0 }
    local stream = conn:new_stream()
    local priority = PRIORITY { stream = stream, weight = 100 }
    conn:send(priority, HEADERS { stream = stream, end_stream = true, fields = get(target.paths.content) }, priority)
    conn:barrier()
    conn:send(WINDOW_UPDATE { stream = stream, increment = 65535 })
    conn:expect(response(stream, "2xx"))
    conn:send(priority)
    conn:expect(ignored())
  end,
}

case {
  id = "depends-on-itself",
  title = "PRIORITY that makes a stream depend on itself",
  req = "RFC7540-5.3.1-3",
  h2spec = "http2/5.3.1/2",
  needs = { "content" },
  caught = "warn",
  run = function(conn)
    local stream = open_request(conn)
    conn:send(PRIORITY { stream = stream, dependency = stream, weight = 255 })
    conn:expect(any_of { stream_error(stream, "PROTOCOL_ERROR"), ignored() })
  end,
}
