package dev.lnrnn;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What lnrnn.h declares. The names are found by reading it; what they mean is asked of the compiler, by a
 * program that includes the header and prints one line for each.
 */
record Header(String text) {

    static final Path FILE = Path.of("../kernels-cu/include/lnrnn.h");

    private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/", Pattern.DOTALL);
    private static final Pattern FUNCTION = Pattern.compile("LNRNN_API[^;(]*?\\b(lnrnn\\w+)\\(");
    private static final Pattern MACRO = Pattern.compile("#define (LNRNN_\\w+) +[^_\\s]");
    private static final Pattern ENUMERATOR = Pattern.compile("(LNRNN_\\w+) *=");
    private static final Pattern STRUCT =
            Pattern.compile("typedef struct \\w+ \\{(.*?)\\} (\\w+);", Pattern.DOTALL);
    private static final Pattern FIELD = Pattern.compile("(\\w+)(\\[\\w+])?;");

    /** A C++ program's start: Java's name of the type that FFM passes for a C type. */
    private static final String PROBE = """
            #include "lnrnn.h"
            #include <cstddef>
            #include <string>
            #include <type_traits>
            #include <cstdio>

            template <class T> std::string type() {
              if (std::is_void_v<T>) return "void";
              if (std::is_pointer_v<T>) return "pointer";
              if (std::is_same_v<T, float>) return "float";
              if (std::is_same_v<T, double>) return "double";
              if (!std::is_integral_v<T> && !std::is_enum_v<T>) return "unknown";
              return sizeof(T) == 1 ? "byte" : sizeof(T) == 2 ? "short" : sizeof(T) == 4 ? "int" : "long";
            }
            template <class T> std::string fieldType() {
              if (!std::is_array_v<T>) return type<T>();
              return type<std::remove_extent_t<T>>() + "[" + std::to_string(std::extent_v<T>) + "]";
            }
            template <class F> struct Signature;
            template <class R, class... A> struct Signature<R(A...)> {
              static std::string of(const char *name) {
                std::string list;
                ((list += (list.empty() ? "" : ", ") + type<A>()), ...);
                return type<R>() + " " + name + "(" + list + ")";
              }
            };
            #define CONSTANT(c) std::printf("constant %s = %lld\\n", #c, (long long) c);
            #define FUNCTION(f) std::printf("function %s\\n", Signature<decltype(f)>::of(#f).c_str());
            #define STRUCT(s) std::printf("struct %s: %zu bytes\\n", #s, sizeof(s));
            #define FIELD(s, f) std::printf("field %s.%s: %s at %zu\\n", #s, #f, \\
                fieldType<decltype(s::f)>().c_str(), offsetof(s, f));

            int main() {
            """;

    static Header read() throws IOException {
        return new Header(Files.readString(FILE));
    }

    SortedSet<String> functions() {
        return new TreeSet<>(names(FUNCTION, code()));
    }

    /** One line for each function, constant, struct and field, as the C++ compiler sees them. */
    SortedSet<String> declarations(Path directory) throws IOException, InterruptedException {
        Files.writeString(directory.resolve("lnrnn.h"), text);
        Path source = Files.writeString(directory.resolve("probe.cpp"), PROBE + probes() + "\n}\n");
        Path program = directory.resolve("probe");
        String compiler = Optional.ofNullable(System.getenv("CXX")).orElse("c++");
        output(compiler, "-std=c++17", source.toString(), "-o", program.toString());
        return new TreeSet<>(output(program.toString()).lines().toList());
    }

    private String probes() {
        String code = code();
        return Stream.of(
                names(FUNCTION, code).stream().map("FUNCTION(%s)"::formatted),
                names(MACRO, code).stream().map("CONSTANT(%s)"::formatted),
                names(ENUMERATOR, code).stream().map("CONSTANT(%s)"::formatted),
                STRUCT.matcher(code).results().flatMap(Header::structProbes)).flatMap(probes -> probes)
                .collect(joining("\n"));
    }

    private static Stream<String> structProbes(MatchResult struct) {
        String name = struct.group(2);
        return Stream.concat(
                Stream.of("STRUCT(%s)".formatted(name)),
                names(FIELD, struct.group(1)).stream().map(field -> "FIELD(%s, %s)".formatted(name, field)));
    }

    private String code() {
        return COMMENT.matcher(text).replaceAll("");
    }

    private static List<String> names(Pattern pattern, String code) {
        return pattern.matcher(code).results().map(match -> match.group(1)).toList();
    }

    private static String output(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " failed:\n" + output);
        }
        return output;
    }
}
