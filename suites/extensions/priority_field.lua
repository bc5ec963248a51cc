-- The priority field of requests (RFC 9218 sections 4 and 5): whatever it says, the request is answered.
suite { "priority-field", title = "Priority field", rfc = 9218, section = "5" }

local function answered(id, req, title, value, soften)
  case {
    id = id, title = title, req = req, violate = req,
    run = function(conn)
      local stream = conn:request { path = target.path, fields = { { "priority", value } } }
      local answer = response(stream, target.status)
      conn:expect(soften and any_of { answer, soft(response(stream, 400), "refused as a field of wrong syntax") } or answer)
    end,
  }
end

answered("parameters", "RFC9218-4-2", "a request with priority: u=1, i", "u=1, i")
answered("unknown-parameter", "RFC9218-4-2", "a request with a priority parameter that nobody knows", "u=1, foo=bar;a=1")
answered("out-of-range", "RFC9218-4-2", "a request with an urgency out of range", "u=9")
answered("other-types", "RFC9218-4-2", "a request with priority parameters of other types", [[u="x", i=3]])
answered("unparsable", "RFC9218-5-1", "a request with a priority field that cannot be parsed", ",,,", true)
answered("long", "RFC9218-5-1", "a request with a priority field of 2,000 octets", ("u=1, "):rep(400) .. "i", true)
