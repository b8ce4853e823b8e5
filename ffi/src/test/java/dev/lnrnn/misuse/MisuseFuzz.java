package dev.lnrnn.misuse;

import dev.lnrnn.ExportedApi;
import dev.lnrnn.Library;
import dev.lnrnn.LnrnnException;
import dev.lnrnn.Usage;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Calls exported methods as nobody should, in a JVM of its own ({@link MisuseFuzzTest} starts it). First every
 * method is called well, then wrongly: half of the calls with exactly one wrong argument, every parameter of every
 * method in turn, the others with any. Each call has a small world of its own and must end in success or in an
 * exception that the library documents, and leave nothing native behind.
 */
final class MisuseFuzz {

    /** They take raw addresses, are restricted, and say that the caller vouches for them. */
    private static final Set<String> RAW_ADDRESSES = Set.of("DeviceBuffer.wrap(Device,long,long,Arena)");
    private static final Set<Class<?>> DOCUMENTED = Set.of(IllegalArgumentException.class,
            IllegalStateException.class, NullPointerException.class, IndexOutOfBoundsException.class,
            WrongThreadException.class, LnrnnException.class, IOException.class);

    private final long seed;
    private final Path directory;
    private final LastCall lastCall;
    private final List<Executable> methods = new ArrayList<>(ExportedApi.methods());
    private final List<String> failures = new ArrayList<>();

    private MisuseFuzz(long seed, Path directory, LastCall lastCall) {
        this.seed = seed;
        this.directory = directory;
        this.lastCall = lastCall;
    }

    /** Arguments: seed, refusals to reach, an empty directory. Exit status 0 if there is nothing to complain of. */
    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[2]);
        MisuseFuzz fuzz = new MisuseFuzz(Long.parseLong(arguments[0]), directory, LastCall.in(directory));
        fuzz.run(Integer.parseInt(arguments[1]));
        fuzz.failures.stream().distinct().limit(20).forEach(System.out::println);
        System.exit(fuzz.failures.isEmpty() ? 0 : 1);
    }

    private void run(int refusals) throws IOException {
        World.prepare(directory);
        if (!methods.removeIf(method -> RAW_ADDRESSES.contains(Recipes.key(method)))) {
            failures.add("no longer there: " + RAW_ADDRESSES);
        }
        methods.forEach(this::callWell);
        if (!failures.isEmpty()) {
            return;
        }
        List<Parameter> parameters = parameters();
        int calls = 0;
        int refused = 0;
        for (; refused < refusals / 2 || calls < parameters.size(); calls++) {
            refused += oneWrong(calls, parameters.get(calls % parameters.size()));
        }
        System.out.printf("%d parameters of %d methods: %d calls with one wrong argument, %d refused%n",
                parameters.size(), methods.size(), calls, refused);
        int first = calls;
        for (refused = 0; refused < refusals / 2; calls++) {
            refused += anyWrong(calls);
        }
        System.out.printf("%d calls with any wrong arguments or closed receivers, %d refused%n",
                calls - first, refused);
    }

    private record Parameter(Executable method, int index) {}

    private List<Parameter> parameters() {
        List<Parameter> parameters = new ArrayList<>();
        for (Executable method : methods) {
            for (int i = 0; i < method.getParameterCount(); i++) {
                parameters.add(new Parameter(method, i));
            }
        }
        return parameters;
    }

    private void callWell(Executable method) {
        try (World world = new World(directory, Recipes.dataType(method))) {
            Recipes recipes = new Recipes(world);
            Exception refusal = call(method, recipes.receiver(method), recipes.arguments(method));
            if (refusal != null) {
                failures.add("a good call is refused: " + Recipes.key(method) + ": " + refusal);
            }
        }
    }

    private int oneWrong(int number, Parameter parameter) {
        Random random = new Random(seed + number);
        try (World world = new World(directory, Recipes.dataType(parameter.method))) {
            Recipes recipes = new Recipes(world);
            Object receiver = recipes.receiver(parameter.method);
            Object[] arguments = recipes.arguments(parameter.method);
            Class<?> type = parameter.method.getParameterTypes()[parameter.index];
            arguments[parameter.index] = new Values(world, random).wrong(type);
            lastCall.note(seed + number, Recipes.key(parameter.method) + ", argument " + parameter.index);
            return misuse(number, parameter.method, receiver, arguments);
        } finally {
            checkNothingIsLeft(number);
        }
    }

    private int anyWrong(int number) {
        Random random = new Random(seed + number);
        Executable method = methods.get(random.nextInt(methods.size()));
        try (World world = new World(directory, Recipes.dataType(method))) {
            Recipes recipes = new Recipes(world);
            Values values = new Values(world, random);
            Object receiver = recipes.receiver(method);
            Object[] arguments = recipes.arguments(method);
            for (int i = 0; i < arguments.length; i++) {
                if (random.nextBoolean()) {
                    arguments[i] = values.wrong(method.getParameterTypes()[i]);
                }
            }
            if (receiver instanceof AutoCloseable && random.nextInt(3) == 0) {
                World.close(random.nextBoolean() ? receiver : world.device());
            }
            lastCall.note(seed + number, Recipes.key(method) + ", any argument");
            return misuse(number, method, receiver, arguments);
        } finally {
            checkNothingIsLeft(number);
        }
    }

    /** 1 if the call was refused. */
    private int misuse(int number, Executable method, @Nullable Object receiver, Object[] arguments) {
        Exception refusal = call(method, receiver, arguments);
        if (refusal == null) {
            return 0;
        }
        if (DOCUMENTED.stream().noneMatch(type -> type.isInstance(refusal))) {
            failures.add(Recipes.key(method) + " throws " + refusal + " (seed " + (seed + number) + ")");
        }
        return 1;
    }

    /** What the method threw, or null. An error is nothing that a caller could have expected. */
    private @Nullable Exception call(Executable method, @Nullable Object receiver, Object[] arguments) {
        try {
            Object result = method instanceof Constructor<?> constructor
                    ? constructor.newInstance(arguments)
                    : ((Method) method).invoke(receiver, arguments);
            if (result instanceof AutoCloseable && Recipes.isStatic(method)) {
                World.close(result);
            }
            return null;
        } catch (InvocationTargetException thrown) {
            if (thrown.getCause() instanceof Exception refusal) {
                return refusal;
            }
            failures.add(Recipes.key(method) + " throws " + thrown.getCause());
            return null;
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(Recipes.key(method), e);
        }
    }

    private void checkNothingIsLeft(int number) {
        Usage usage = Library.usage();
        if (!usage.equals(new Usage(0, 0, 0, 0, 0, 0, 0, 0))) {
            throw new IllegalStateException("seed " + (seed + number) + " leaves " + usage);
        }
    }
}
