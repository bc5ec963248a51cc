-- A suite's text cut down to what one of its cases needs: other cases, and locals that nothing names any more, go.
--
-- What is left is verbatim. A loop goes only where its body is nothing but a case, a call only where it is one of case or of a
-- local function that calls case: what may matter in another way stays.
local excerpt = {}

local OPENS <const> = { ["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true, ["("] = true, ["{"] = true,
  ["["] = true }
local CLOSES <const> = { ["end"] = true, ["until"] = true, [")"] = true, ["}"] = true, ["]"] = true }
local BEGINS <const> = { ["local"] = true, ["for"] = true, ["if"] = true, ["while"] = true, ["repeat"] = true, ["do"] = true,
  ["return"] = true }
local LAST <const> = { [")"] = true, ["}"] = true, ["]"] = true, ["end"] = true, ["true"] = true, ["false"] = true,
  ["nil"] = true }
local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

-- Tokens --------------------------------------------------------------------------------------------------------

local function long_bracket(text, at)
  local level = text:match("^%[(=*)%[", at)
  if level then
    local _, stop = text:find("]" .. level .. "]", at, true)
    return stop or #text
  end
end

local function quoted(text, at)
  local quote, position = text:sub(at, at), at + 1
  while position <= #text do
    local c = text:sub(position, position)
    if c == quote then
      return position
    end
    position = position + (c == "\\" and 2 or 1)
  end
  return #text
end

-- Where a comment, a string, a name or number, or a sign ends, and which of them it is.
local function token_at(text, at)
  if text:find("^%-%-", at) then
    return long_bracket(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1, "comment"
  elseif text:find("^[\"']", at) then
    return quoted(text, at), "string"
  elseif text:find("^%[=*%[", at) then
    return long_bracket(text, at), "string"
  elseif text:find("^[%a_]", at) then
    return select(2, text:find("^[%w_]+", at)), "name"
  elseif text:find("^%d", at) then
    return select(2, text:find("^[%w_.]+", at)), "number"
  end
  return at, "sign"
end

local function tokens_of(text)
  local tokens, at, line, seen = {}, text:find "%S", 1, 1
  while at do
    local stop, kind = token_at(text, at)
    line, seen = line + select(2, text:sub(seen, at - 1):gsub("\n", "")), at
    if kind ~= "comment" then
      tokens[#tokens + 1] = { text = text:sub(at, stop), kind = kind, first = at, last = stop, line = line }
    end
    at = text:find("%S", stop + 1)
  end
  return tokens
end

-- Statements at the top --------------------------------------------------------------------------------------------

local function ends_operand(token)
  return token.kind == "string" or token.kind == "number" or (token.kind == "name" and not KEYWORDS[token.text])
    or LAST[token.text] == true
end

-- At depth 0: a word that only begins statements, or one behind something that cannot go on with it.
local function begins(token, before)
  return BEGINS[token.text] == true or ((token.text == "function" or (token.kind == "name" and not KEYWORDS[token.text]))
    and ends_operand(before))
end

-- Lists of tokens; `body` is where the `do` of a loop stands.
local function statements_of(tokens)
  local list, depth, current = {}, 0, nil
  for i, token in ipairs(tokens) do
    local loop = current ~= nil and (current[1].text == "for" or current[1].text == "while")
    local header = loop and not current.body
    if depth == 0 and not header and (not current or begins(token, tokens[i - 1])) then
      current = {}
      list[#list + 1] = current
    end
    current[#current + 1] = token
    if header and depth == 0 and token.text == "do" then
      current.body = #current
    end
    if token.kind ~= "string" then
      depth = depth + (OPENS[token.text] and 1 or CLOSES[token.text] and -1 or 0)
    end
  end
  return list
end

-- The names that a statement uses, without members ("a.b") and keys.
local function uses(statement, name, from)
  for i = from or 1, #statement do
    local token = statement[i]
    if token.kind == "name" and token.text == name then
      return true
    end
  end
  return false
end

-- What `local function f`, `local a, b <const> = ...` define.
local function defined(statement)
  if statement[1].text ~= "local" then
    return nil
  elseif statement[2].text == "function" then
    return { statement[3].text }, 4
  end
  local names, i = {}, 2
  while statement[i] and statement[i].text ~= "=" do
    if statement[i].kind == "name" and statement[i - 1].text ~= "<" then
      names[#names + 1] = statement[i].text
    end
    i = i + 1
  end
  return names, i
end

-- Which declares cases ------------------------------------------------------------------------------------------------

-- case, and the local functions that call it.
local function declarers(statements)
  local known = { case = true }
  for _, statement in ipairs(statements) do
    if statement[1].text == "local" and statement[2].text == "function" then
      for name in pairs(known) do
        if uses(statement, name, 4) then
          known[statement[3].text] = true
          break
        end
      end
    end
  end
  return known
end

-- Does the bracket at `from` close with the token at `to`?
local function spans(statement, from, to)
  local depth = 0
  for i = from, to do
    local token = statement[i]
    if token.kind ~= "string" and (token.text == "(" or token.text == "{") then
      depth = depth + 1
    elseif token.kind ~= "string" and (token.text == ")" or token.text == "}") then
      depth = depth - 1
      if depth == 0 then
        return i == to
      end
    end
  end
  return false
end

local function is_call(statement, known, from, to)
  local token, bracket = statement[from], statement[from + 1]
  return token ~= nil and bracket ~= nil and known[token.text] == true and (bracket.text == "(" or bracket.text == "{")
    and spans(statement, from + 1, to)
end

local function declares_only(statement, known)
  if is_call(statement, known, 1, #statement) then
    return true
  end
  return statement[1].text == "for" and statement.body ~= nil and statement[#statement].text == "end"
    and is_call(statement, known, statement.body + 1, #statement - 1)
end

-- Cutting ----------------------------------------------------------------------------------------------------------

local function is_named_elsewhere(statements, position, names)
  for i, statement in ipairs(statements) do
    for _, name in ipairs(names) do
      if i ~= position and uses(statement, name) then
        return true
      end
    end
  end
  return false
end

local function drop_unused(statements)
  local again = true
  while again do
    again = false
    for i = #statements, 1, -1 do
      local names = defined(statements[i])
      if names and not is_named_elsewhere(statements, i, names) then
        table.remove(statements, i)
        again = true
      end
    end
  end
end

-- From the comment lines above a statement to its end.
local function slice(text, statement)
  local first = statement[1].first
  local start = text:sub(1, first - 1):match ".*()\n" or 0
  local from = start + 1
  while from > 1 do
    local before = text:sub(1, from - 2):match ".*()\n" or 0
    if not text:sub(before + 1, from - 2):find "^%-%-[^%[]" then
      break
    end
    from = before + 1
  end
  return text:sub(from, statement[#statement].last)
end

local function joined(text, statements)
  local parts = {}
  for i, statement in ipairs(statements) do
    parts[i] = slice(text, statement)
  end
  return table.concat(parts, "\n\n") .. "\n"
end

local function contains_string(statement, wanted)
  for _, token in ipairs(statement) do
    if token.kind == "string" and token.text:sub(2, -2) == wanted then
      return true
    end
  end
  return false
end

-- The statement that declares the case: the one on whose lines it is; where those are in a function that others call, the call
-- that names it. nil: not to be told.
local function declaring(statements, known, case)
  local id = case.id:match "[^/]+$"
  for _, statement in ipairs(statements) do
    if statement[1].line <= case.line and case.line <= statement[#statement].line and declares_only(statement, known) then
      return statement
    end
  end
  for _, statement in ipairs(statements) do
    if declares_only(statement, known) and contains_string(statement, id) then
      return statement
    end
  end
end

--- The text of a suite cut down to one case ({ id =, line = }). `declares(text)`: is it still declared by this? Where that is
-- not so, the text as it is.
function excerpt.of(text, case, declares)
  local statements = statements_of(tokens_of(text))
  local known = declarers(statements)
  local wanted = declaring(statements, known, case)
  for i = #statements, 1, -1 do
    if wanted and statements[i] ~= wanted and declares_only(statements[i], known) then
      table.remove(statements, i)
    end
  end
  drop_unused(statements)
  local short = joined(text, statements)
  return declares(short) and short or text
end

--- The same without its `suite { }`.
function excerpt.without_suite(text)
  local statements = statements_of(tokens_of(text))
  local rest = {}
  for _, statement in ipairs(statements) do
    if not is_call(statement, { suite = true }, 1, #statement) then
      rest[#rest + 1] = statement
    end
  end
  return joined(text, rest)
end

return excerpt
