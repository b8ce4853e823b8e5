package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.AnnotatedArrayType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What may be null is written into the class files, where Kotlin and others read it. */
class NullnessTest {

    /** Whether a type, and each type of elements inside it, may be null. */
    private static String nullness(AnnotatedType type) {
        String own = type.isAnnotationPresent(Nullable.class) ? "?" : "!";
        return type instanceof AnnotatedArrayType array
                ? nullness(array.getAnnotatedGenericComponentType()) + "[]" + own
                : own;
    }

    @Test
    void constructorsOfRecordsSayWhatTheirAccessorsSay() throws NoSuchMethodException {
        int nullable = 0;
        for (Class<?> type : ExportedApi.types()) {
            if (!type.isRecord()) {
                continue;
            }
            RecordComponent[] components = type.getRecordComponents();
            Constructor<?> canonical = type.getDeclaredConstructor(
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
            for (int i = 0; i < components.length; i++) {
                String component = nullness(components[i].getAnnotatedType());
                String where = type.getSimpleName() + "." + components[i].getName();
                assertEquals(component, nullness(canonical.getAnnotatedParameterTypes()[i]), where);
                assertEquals(component, nullness(components[i].getAccessor().getAnnotatedReturnType()), where);
                nullable += component.contains("?") ? 1 : 0;
            }
        }
        assertTrue(nullable > 5, nullable + " components may be null");
    }
}
