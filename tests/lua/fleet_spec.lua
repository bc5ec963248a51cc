-- Many targets: the file that names them, what they came to, and a run over several servers.
local dkjson = require "dkjson"
local matrix = require "h2probe.matrix"
local target_list = require "h2probe.target_list"

local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

describe("the file of --targets", function()
  it("names URLs, with names of their own or without", function()
    local list = assert(target_list.parse("# servers\n\nhttps://localhost:8443\nhttp://[::1]:80/x?y one # first\n", "t"))
    assert.are.same({ "https://localhost:8443", "https://localhost:8443/", "localhost-8443" },
      { list[1].url, list[1].label, list[1].slug })
    assert.are.same({ "http://[::1]:80/x?y", "one", "one" }, { list[2].url, list[2].label, list[2].slug })
  end)

  for _, row in ipairs {
    { "\nlocalhost", "t:2: 'localhost' is not a URL" }, { "http://a b c", "t:1: 'c' is one word too many" },
    { "http://a\nhttp://a/ # again", "t:2: 'http://a/' is named like line 1" }, { "# nobody\n", "t: it names no target" },
    { "http://a ..%\nhttp://b \xff", "t:2: '\xff' has nothing" },
  } do
    it("is told what is wrong: " .. row[2]:gsub("[^%g ]", "?"), function()
      local list, message = target_list.parse(row[1], "t")
      assert.is_nil(list)
      assert.is_truthy(message:find(row[2], 1, true), message)
    end)
  end
end)

describe("the matrix", function()
  local function filled()
    local self = matrix.new()
    local a, b, c = { label = "a,\"1\"", status = 0 }, { label = "b", status = 1 },
      { label = "c\27[31m", status = 3, said = { "no \27 way" } }
    self:add(a, { results = { { id = "s/x", mode = "prior", verdict = "pass" }, { id = "s/y", mode = "prior", verdict = "skip" } } })
    self:add(b, { results = { { id = "s/z", mode = "prior", verdict = "warn" }, { id = "s/x", mode = "prior", verdict = "fail" },
      { id = "s/y", mode = "prior", verdict = "fail", expected_failure = { reason = "known" } } } })
    return self, { a, b, c }
  end

  it("keeps a character for each verdict", function()
    local _, targets = filled()
    assert.are.equal(".-", targets[1].codes)
    assert.are.equal("Fxw", targets[2].codes)
    assert.are.same({ fail = 1, expected = 1, warn = 1 }, targets[2].counts)
  end)

  it("is CSV, JSON and Markdown", function()
    local self, targets = filled()
    local path = os.tmpname()
    local read = {}
    for _, format in ipairs { "csv", "json", "md" } do
      assert(self:write(path .. "." .. format, targets))
      read[format] = slurp(path .. "." .. format)
      os.remove(path .. "." .. format)
    end
    os.remove(path)
    assert.are.equal('case,"a,""1""",b,c\27[31m\ns/x (prior),pass,fail,\ns/y (prior),skip,expected,\ns/z (prior),,warn,\n', read.csv)
    local all = assert(dkjson.decode(read.json))
    assert.are.same({ "pass", "fail" }, { all.cases[1].verdicts[1], all.cases[1].verdicts[2] })
    assert.are.same({ "no HTTP/2", "no \27 way" }, { all.targets[3].result, all.targets[3].said[1] })
    assert.is_truthy(read.md:find("| `s/x (prior)` | 1 of 2 | b (fail) |", 1, true), read.md)
    assert.is_nil(read.md:find "\27")
  end)

  it("is text, the most failures first, without control characters", function()
    local self, targets = filled()
    local text = self:text(targets, nil, 1)
    assert.is_truthy(text:find("1 of 2  s/x (prior): b (fail)\n  1 of 1  s/z (prior): b (warn)", 1, true), text)
    assert.is_truthy(text:find("1 of 3 targets are ok (exit status 1).", 1, true))
    assert.is_nil((text .. self:line({ label = "\27", said = { "\7" }, seconds = 1 }, 1, 3)):find "[\7\27]")
  end)

  it("says which files it cannot be", function()
    assert.is_nil(matrix.unknown "a.csv")
    assert.is_truthy(matrix.unknown "a.txt":find("none of .csv, .json, .md", 1, true))
  end)
end)

describe("h2probe run --targets", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
  end)

  after_each(function() os.execute("rm -rf " .. folder) end)

  -- A reference server: its cleartext URL, and what ends it.
  local function serve(words)
    local pipe = assert(io.popen(("echo $$; exec %s serve %s </dev/null 2>/dev/null"):format(PROGRAM, words), "r"))
    local pid = assert(pipe:read "l")
    return assert(pipe:read("l"):match "http://[%d.]+:%d+"), function()
      os.execute("kill " .. pid)
      pipe:close()
    end
  end

  local function run(targets, words)
    local file <close> = assert(io.open(folder .. "/targets", "w"))
    file:write(targets)
    file:close()
    local _, _, status = os.execute(("env -u GITHUB_ACTIONS timeout 60 %s run --targets %s/targets %s >%s/out 2>%s/err </dev/null"):format(
      PROGRAM, folder, words, folder, folder))
    return status, slurp(folder .. "/out"), slurp(folder .. "/err")
  end

  it("judges all, writes the reports of each, and says what they came to", function()
    local sound, stop = serve ""
    local guilty, stop_too = serve "--violate RFC9113-6.5-10"
    local status, out, err = run(("%s sound\nhttp://127.0.0.1:1 nobody\n%s guilty\n"):format(sound, guilty),
      ("http2/settings --mode prior --report json=%s/{target}.json --summary %s/all.csv"):format(folder, folder))
    stop()
    stop_too()
    assert.are.equal("", err)
    assert.are.equal(1, status)
    assert.is_truthy(out:find "sound +ok" and out:find "nobody +no HTTP/2" and out:find "guilty +failed", out)
    assert.is_truthy(out:find("1 of 3 targets are ok (exit status 1).", 1, true))
    assert.are.equal(0, dkjson.decode(slurp(folder .. "/sound.json")).summary.fail)
    local found = dkjson.decode(slurp(folder .. "/guilty.json")).summary.fail
    assert.is_true(found > 0)
    assert.is_nil(io.open(folder .. "/nobody.json"))
    local failed = select(2, slurp(folder .. "/all.csv"):gsub("\n[^\n]*,pass,,fail", ""))
    assert.are.equal(found, failed)
  end)

  for _, row in ipairs {
    { "--report json", "needs a file" }, { "--report json=x.json", "needs {target}" }, { "--pcapng x", "needs {target}" },
    { "--server-cmd x", "is for one target" }, { "http://a", "names a URL as well" }, { "--summary x.txt", "none of .csv" },
  } do
    it("says in one line what cannot be: " .. row[1], function()
      local status, _, err = run("http://127.0.0.1:1", row[1])
      assert.are.equal(2, status)
      assert.is_truthy(err:find "^h2probe: [^\n]+\n$" and err:find(row[2], 1, true), err)
    end)
  end
end)
