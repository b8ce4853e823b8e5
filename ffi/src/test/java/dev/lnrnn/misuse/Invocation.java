package dev.lnrnn.misuse;

import dev.lnrnn.LnrnnException;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One call of an exported method. */
record Invocation(Executable method, @Nullable Object receiver, Object[] arguments) {

    private static final Set<Class<? extends Exception>> DOCUMENTED = Set.of(IllegalArgumentException.class,
            IllegalStateException.class, NullPointerException.class, IndexOutOfBoundsException.class,
            WrongThreadException.class, LnrnnException.class, IOException.class);

    /** Calls; what it threw, or null. What a static method opened is closed. */
    @Nullable
    Throwable refusal() {
        try {
            Object result = method instanceof Constructor<?> constructor
                    ? constructor.newInstance(arguments)
                    : ((Method) method).invoke(receiver, arguments);
            if (result instanceof AutoCloseable && Recipes.isStatic(method)) {
                World.close(result);
            }
            return null;
        } catch (InvocationTargetException thrown) {
            return thrown.getCause();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(toString(), e);
        }
    }

    /** Whether a caller could have expected it: an error never. */
    static boolean isDocumented(Throwable refusal) {
        return DOCUMENTED.stream().anyMatch(type -> type.isInstance(refusal));
    }

    @Override
    public String toString() {
        return Recipes.key(method);
    }
}
