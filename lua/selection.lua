-- What the words of a command line select: id prefixes, globs, requirements, h2spec ids, files.
local selection = {}

local MAX_WORD = 200

local function boundary_prefix(id, prefix, boundaries)
  if id:sub(1, #prefix) ~= prefix then
    return false
  end
  local after = id:sub(#prefix + 1, #prefix + 1)
  return after == "" or boundaries:find(after, 1, true) ~= nil
end

local function glob_pattern(glob)
  local pattern = glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%?", "[^/]")
  return "^" .. pattern:gsub("%*+", function(stars)
    return #stars > 1 and ".*" or "[^/]*"
  end)
end

local function matches_glob(id, pattern)
  return id:find(pattern .. "$") ~= nil or id:find(pattern .. "/") ~= nil
end

local function any(list, wanted)
  for _, id in ipairs(list) do
    if wanted(id) then
      return true
    end
  end
  return false
end

--- A predicate for one word. A suite FILE is one where the file is read anyhow (--only, --exclude).
function selection.matcher(word)
  if word:find "%.lua$" then
    return function(case) return case.file == word end
  end
  local h2spec = word:match("^h2spec:(.*)$")
  if h2spec then
    return function(case)
      return any(case.h2spec, function(id) return boundary_prefix(id, h2spec, "/") end)
    end
  end
  if word:find("^RFC%d") then
    return function(case)
      return any(case.req, function(id) return boundary_prefix(id, word, ".-") end)
    end
  end
  if word:find("[*?]") then
    local pattern = glob_pattern(word)
    return function(case) return matches_glob(case.id, pattern) end
  end
  local prefix = word:gsub("/+$", "")
  return function(case) return boundary_prefix(case.id, prefix, "/") end
end

local function distance(a, b, limit)
  if math.abs(#a - #b) > limit then
    return limit + 1
  end
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal, best = row[0], i
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      best = math.min(best, row[j])
    end
    if best > limit then
      return limit + 1
    end
  end
  return row[#b]
end

--- The candidate nearest to a word, or nil if none is near.
function selection.nearest(word, candidates)
  local limit = math.max(2, #word // 4)
  local found
  for _, candidate in ipairs(candidates) do
    local d = distance(word, candidate, limit)
    if d < limit or (d == limit and not found) then
      limit, found = d, candidate
    end
  end
  return found
end

-- The shortest candidate that the word begins.
local function begun(word, candidates)
  local found
  for _, candidate in ipairs(candidates) do
    if #word >= 3 and candidate:sub(1, #word) == word and (not found or #candidate < #found) then
      found = candidate
    end
  end
  return found
end

local function candidates_for(word, cases, rows)
  local seen, list = {}, {}
  local function add(id)
    if id and not seen[id] then
      seen[id] = true
      list[#list + 1] = id
    end
  end
  for _, case in ipairs(cases) do
    add(case.id)
    add(case.suite)
    add(case.suite:match("^([^/]+)/"))
    add(case.id:match("([^/]+)$"))
    for _, id in ipairs(case.h2spec) do
      add("h2spec:" .. id)
    end
  end
  if word:find("^[Rr][Ff][Cc]") then
    for _, row in ipairs(rows) do
      add(row.id)
    end
  end
  return list
end

--- One line for a word that selects nothing.
function selection.unknown(word, cases, rows)
  local shown = word:sub(1, MAX_WORD)
  if rows[word] then
    return ("no case judges %s (%s)"):format(word, rows[word].statement), true
  end
  if word:find("^[^/]+:%d+$") and not word:find("^h2spec:") then
    return ("'%s' is no case; a URL starts with https:// or http://"):format(shown)
  end
  local candidates = #word <= MAX_WORD and candidates_for(word, cases, rows) or {}
  local near = begun(word, candidates) or selection.nearest(word, candidates)
  local hint = near and (": did you mean '%s'?"):format(near) or "; h2probe list shows all cases"
  return ("there is no case, suite, requirement or file '%s'%s"):format(shown, hint)
end

--- Keeps the cases that any of the words selects, in order.
-- No words select everything. nil, message, known: `known` if the word is a requirement without cases.
function selection.choose(cases, words, rows)
  if #words == 0 then
    return cases
  end
  local wanted = {}
  for _, word in ipairs(words) do
    local matches, hit = selection.matcher(word), false
    for _, case in ipairs(cases) do
      if matches(case) then
        wanted[case], hit = true, true
      end
    end
    if not hit then
      return nil, selection.unknown(word, cases, rows)
    end
  end
  local chosen = {}
  for _, case in ipairs(cases) do
    if wanted[case] then
      chosen[#chosen + 1] = case
    end
  end
  return chosen
end

return selection
