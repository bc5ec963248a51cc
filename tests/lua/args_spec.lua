-- The command line: what options come to, and one line for each mistake.
local fake = dofile "tests/lua/fake_engine.lua"
local args = fake.modules()("args")

local BAD = {
  { "run --bogus", "unknown option '--bogus'" }, { "run --jbos 3", "'--jobs'" }, { "fly", "unknown command 'fly'" },
  { "run --jobs x", "--jobs: 'x' is not a whole number" }, { "run --jobs 0", "from 1 to 1024" },
  { "run --jobs 99999999999999999999", "from 1 to 1024" }, { "run --jobs -3", "" }, { "run --jobs", "" },
  { "run --timeout nan", "--timeout" }, { "run --timeout 1e9", "--timeout" }, { "run --timeout 0", "--timeout" },
  { "run --mode alpm", "did you mean 'alpn'" }, { "run --mode h3", "none of alpn" },
  { "run --color red", "none of auto" }, { "run --header nocolon", "name: value" },
  { "run --connect-to nowhere", "HOST:PORT" }, { "run --connect-to h:70000", "1 to 65535" },
  { "run --path nope", "not a path" }, { "run --report a=b=c=", nil }, { "run --report =x", "FORMAT=FILE" },
  { "run --repeat 0", "--repeat" }, { "probe", "" }, { "explain", "" }, { "serve --port 70000", "--port" },
  { "prove --blunt sharp", "none of close" }, { "run --shard 0/3", "--shard: '0/3'" },
  { "run --shard 3", "--shard" }, { "run --level MAYBE", "did you mean 'MAY'" }, { "run --exclude", "--exclude" },
  { "run --profile rfc7541", "did you mean 'rfc7540'" }, { "run --deadline 0", "from 0.01 to 604800" },
  { "serve --expect x", "unknown option '--expect'" }, { "run --insecure=yes", "does not take" },
}

local function split(text)
  local words = {}
  for word in text:gmatch("%S+") do
    words[#words + 1] = word
  end
  return words
end

describe("args.parse", function()
  it("has defaults", function()
    local options = assert(args.parse { "run" })
    assert.are.same({ "run", 32, 2.0, 1, "auto" },
      { options.command, options.jobs, options.timeout, options.rounds, options.color })
    assert.are.same({}, options.words)
  end)

  it("reads everything", function()
    local options = assert(args.parse { "run", "https://h/", "hpack", "--jobs=4", "--timeout", "0.5", "-k", "--header",
      "X-A: b", "--header", "c:d", "--report", "json", "--report=junit=a=b.xml", "--connect-to", "[::1]:99",
      "--repeat", "3", "--sni", "", "--fail-fast", "--large-path", "/big", "--shard", "auto/4", "--exclude", "a", "--exclude=b",
      "--deadline", "7200" })
    assert.are.same({ { "a", "b" }, {}, { total = 4, auto = true }, 7200.0 }, { options.exclude, options.only, options.shard,
      options.deadline })
    assert.are.same({ true, true, false, false }, { options.given.exclude, options.given.timeout, options.given.only,
      options.given.color or false })
    assert.are.same({ "https://h/", "hpack" }, options.words)
    assert.are.same({ { "x-a", "b" }, { "c", "d" } }, options.headers)
    assert.are.same({ { format = "json" }, { format = "junit", file = "a=b.xml" } }, options.reports)
    assert.are.same({ host = "::1", port = 99 }, options.connect_to)
    assert.are.same({ 4, 0.5, true, 3, "", true, "/big" }, { options.jobs, options.timeout, options.insecure,
      options.rounds, options.sni, options.fail_fast, options.large_path })
  end)

  for _, row in ipairs(BAD) do
    it("refuses " .. row[1], function()
      local options, stop = args.parse(split(row[1]))
      if row[2] then
        assert.is_nil(options)
        assert.is_truthy(stop.message:find(row[2], 1, true), stop.message)
        assert.is_nil(stop.message:find("[%c\127-\255]"))
      end
    end)
  end

  it("shows no raw octets of the user's", function()
    local _, stop = args.parse { "run", "--mode", "\27[31m\xff" }
    assert.is_truthy(stop.message:find("\\x1b[31m\\xff", 1, true), stop.message)
  end)

  it("helps", function()
    for _, argv in ipairs { {}, { "--help" }, { "run", "--help" }, { "serve", "-h" }, { "list", "--help" } } do
      local options, stop = args.parse(argv)
      assert.is_nil(options)
      assert.is_truthy(stop.help:find("h2probe"), argv[1])
      assert.are.equal("\n", stop.help:sub(-1))
    end
    assert.is_truthy(select(2, args.parse { "--version" }).help:find("^h2probe %d"))
    assert.is_truthy(select(2, args.parse { "run", "--help" }).help:find("exit status", 1, true))
  end)
end)
