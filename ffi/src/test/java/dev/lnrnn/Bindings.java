package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;
import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the generated bindings declare, in the words of {@link Header#declarations}. Needs no library. */
final class Bindings {

    static final Path DIRECTORY = Path.of("src/generated/java/dev/lnrnn/raw");

    private Bindings() {
    }

    static SortedSet<String> declarations() throws IOException, ReflectiveOperationException {
        SortedSet<String> lines = new TreeSet<>();
        for (Method method : lnrnn_h.class.getMethods()) {
            String name = method.getName();
            if (!Modifier.isStatic(method.getModifiers()) || name.contains("$")) {
                continue;
            }
            if (name.startsWith("LNRNN_")) {
                lines.add("constant " + name + " = " + ((Number) method.invoke(null)).longValue());
            } else if (name.startsWith("lnrnn")) {
                lines.add("function " + signature(method));
            }
        }
        for (String struct : structs()) {
            addStruct(lines, Class.forName("dev.lnrnn.raw." + struct));
        }
        return lines;
    }

    private static List<String> structs() throws IOException {
        try (Stream<Path> files = Files.list(DIRECTORY)) {
            return files.map(file -> file.getFileName().toString().replace(".java", ""))
                    .filter(name -> !name.equals("lnrnn_h") && !name.equals("package-info")).toList();
        }
    }

    private static void addStruct(SortedSet<String> lines, Class<?> struct)
            throws ReflectiveOperationException {
        String name = struct.getSimpleName();
        StructLayout layout = (StructLayout) struct.getMethod("layout").invoke(null);
        lines.add("struct " + name + ": " + layout.byteSize() + " bytes");
        for (MemoryLayout member : layout.memberLayouts()) {
            if (member instanceof PaddingLayout) {
                continue;
            }
            String field = member.name().orElseThrow();
            long offset = (long) struct.getMethod(field + "$offset").invoke(null);
            lines.add("field " + name + "." + field + ": " + fieldType(member) + " at " + offset);
        }
    }

    private static String fieldType(MemoryLayout field) {
        return switch (field) {
            case SequenceLayout array -> fieldType(array.elementLayout()) + "[" + array.elementCount() + "]";
            case ValueLayout value -> type(value.carrier());
            default -> "unknown";
        };
    }

    private static String signature(Method method) {
        String parameters = Arrays.stream(method.getParameterTypes()).map(Bindings::type)
                .collect(Collectors.joining(", "));
        return type(method.getReturnType()) + " " + method.getName() + "(" + parameters + ")";
    }

    private static String type(Class<?> carrier) {
        return carrier == MemorySegment.class ? "pointer" : carrier.getName();
    }
}
