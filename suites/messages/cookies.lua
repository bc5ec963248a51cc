-- Cookie in several fields (RFC 9113 section 8.2.3).
suite { "cookies", title = "cookies", rfc = 9113, section = "8.2.3" }

local crumbs = { { "cookie", "a=b" }, { "cookie", "c=d" }, { "cookie", "e=f" } }

case {
  id = "split",
  title = "a cookie in three fields",
  req = "RFC9113-8.2.3-2",
  run = function(conn)
    conn:expect(response(conn:request { path = target.path, fields = unindexed(crumbs) }, target.status))
  end,
}

case {
  id = "joined",
  title = "the fields of a cookie reach the application as one, in their order",
  req = "RFC9113-8.2.3-1",
  needs = { "fields" },
  run = function(conn)
    local answer = conn:response(conn:request { path = target.paths.fields, fields = unindexed(crumbs) })
    local seen = {}
    for value in ("\n" .. (answer and answer.body or "")):gmatch "\ncookie: ([^\r\n]*)" do seen[#seen + 1] = value end
    check(#seen == 1 and seen[1] == "a=b; c=d; e=f", "cookie: a=b; c=d; e=f", "cookie: " .. table.concat(seen, ", cookie: "))
  end,
}
