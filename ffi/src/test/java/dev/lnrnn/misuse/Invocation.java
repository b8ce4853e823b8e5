package dev.lnrnn.misuse;

import dev.lnrnn.BackwardArguments;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.ForwardArguments;
import dev.lnrnn.InferenceArguments;
import dev.lnrnn.LnrnnException;
import dev.lnrnn.Pass;
import dev.lnrnn.StepArguments;
import dev.lnrnn.TrainingArguments;
import dev.lnrnn.TrainingPasses;
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

    /**
     * Calls, and goes on with arguments of a pass as a caller would; what that threw, or null. What a static method opened
     * is closed.
     */
    @Nullable
    Throwable refusal() {
        try {
            Object result = method instanceof Constructor<?> constructor
                    ? constructor.newInstance(arguments)
                    : ((Method) method).invoke(receiver, arguments);
            if (result instanceof AutoCloseable && Recipes.isStatic(method)) {
                World.close(result);
            }
            return method.getDeclaringClass().getSimpleName().endsWith("Arguments") ? refusalOfRun(result) : null;
        } catch (InvocationTargetException thrown) {
            return thrown.getCause();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(toString(), e);
        }
    }

    /** Binds arguments and runs the pass, of which neither may do more than refuse. */
    private static @Nullable Throwable refusalOfRun(Object result) {
        try {
            switch (result) {
                case InferenceArguments arguments -> arguments.bind().run();
                case StepArguments arguments -> arguments.bind().run();
                case ForwardArguments arguments -> arguments.bind().run();
                case BackwardArguments arguments -> arguments.bind().run();
                case TrainingArguments arguments -> runForward(arguments.bind());
                case TrainingPasses training -> runForward(training);
                case Pass pass -> pass.run();
                default -> {}
            }
            return null;
        } catch (RuntimeException | Error refusal) {
            return refusal;
        }
    }

    private static void runForward(TrainingPasses training) {
        DeviceBuffer workspace = training.plan().device().allocate(training.sizes().trainingWorkspaceBytes());
        training.forward().workspace(workspace).bind().run();
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
