// One JSON object, written member by member.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

namespace bench {

class JsonObject {
 public:
  JsonObject& add(const char* name, const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return raw(name, quoted + '"');
  }
  JsonObject& add(const char* name, const char* text) { return add(name, std::string(text)); }
  JsonObject& add(const char* name, bool value) { return raw(name, value ? "true" : "false"); }
  JsonObject& add(const char* name, int64_t value) { return raw(name, std::to_string(value)); }
  JsonObject& add(const char* name, int value) { return add(name, int64_t{value}); }
  // JSON has neither infinity nor NaN.
  JsonObject& add(const char* name, double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    return raw(name, std::isfinite(value) ? text : "null");
  }
  JsonObject& add(const char* name, const JsonObject& object) { return raw(name, object.text()); }

  std::string text() const { return "{" + members_ + "}"; }

 private:
  JsonObject& raw(const char* name, const std::string& value) {
    members_ += (members_.empty() ? "\"" : ", \"") + std::string(name) + "\": " + value;
    return *this;
  }

  std::string members_;
};

}  // namespace bench
