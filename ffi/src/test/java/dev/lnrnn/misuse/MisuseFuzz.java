package dev.lnrnn.misuse;

import dev.lnrnn.BoundStep;
import dev.lnrnn.ExportedApi;
import dev.lnrnn.Graph;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.LeakCheck;
import dev.lnrnn.Library;
import dev.lnrnn.TestDevice;
import dev.lnrnn.Usage;
import java.io.IOException;
import java.lang.reflect.Executable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Calls exported methods as nobody should, in a JVM of its own ({@link MisuseFuzzTest} starts it). First
 * every method is called well, then wrongly: half of the calls with exactly one wrong argument, every
 * parameter of every method in turn, the others with any. Each call has a small world of its own and must end
 * in success or in an exception that the library documents, and leave nothing native behind.
 */
final class MisuseFuzz {

    /** They take raw addresses, are restricted, and say that the caller vouches for them. */
    private static final Set<String> RAW_ADDRESSES = Set.of("DeviceBuffer.wrap(Device,long,long,Arena)");

    /** Every method well, in so many kinds of layers. */
    private static final int GOOD_ROUNDS = TestDevice.EMULATED ? 1 : 5;

    private final long seed;
    private final Path directory;
    private final LastCall lastCall;
    private final List<Executable> methods = methods();
    private final List<String> failures = new ArrayList<>();

    private MisuseFuzz(long seed, Path directory, LastCall lastCall) {
        this.seed = seed;
        this.directory = directory;
        this.lastCall = lastCall;
    }

    /**
     * Arguments: seed, refusals to reach, seconds after which fewer are enough, an empty directory. Exit status 0 if
     * nothing is wrong.
     */
    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[3]);
        World.prepare(directory);
        MisuseFuzz fuzz = new MisuseFuzz(Long.parseLong(arguments[0]), directory, LastCall.in(directory));
        fuzz.run(Integer.parseInt(arguments[1]), Duration.ofSeconds(Long.parseLong(arguments[2])));
        fuzz.failures.stream().distinct().limit(20).forEach(System.out::println);
        System.exit(fuzz.failures.isEmpty() ? 0 : 1);
    }

    /** All exported methods but those with raw addresses, and those that the device has no use for. */
    static List<Executable> methods() {
        List<Executable> methods = new ArrayList<>(ExportedApi.methods());
        if (!methods.removeIf(method -> RAW_ADDRESSES.contains(Recipes.key(method)))) {
            throw new IllegalStateException("no longer there: " + RAW_ADDRESSES);
        }
        if (!TestDevice.isCpu()) {
            methods.removeIf(method -> Recipes.key(method).equals("DeviceBuffer.ofHost(Device,MemorySegment)"));
        }
        if (!TestDevice.captures()) {
            methods.removeIf(method -> method.getDeclaringClass() == Graph.class
                    || Recipes.key(method).equals("Stream.capture(Runnable)"));
        }
        return methods;
    }

    /** Every parameter has its turn, however long that takes; then the time is shared in equal parts. */
    private void run(int refusals, Duration time) {
        long start = System.nanoTime();
        for (int round = 0; round < GOOD_ROUNDS; round++) {
            Random random = new Random(seed + round);
            methods.forEach(method -> callWell(method, random));
        }
        if (!failures.isEmpty()) {
            return;
        }
        List<Parameter> parameters = parameters();
        int calls = 0;
        int refused = 0;
        for (; calls < parameters.size()
                || refused < refusals / 2 && System.nanoTime() - start < time.toNanos() / 2; calls++) {
            refused += oneWrong(seed + calls, parameters.get(calls % parameters.size()));
        }
        System.out.printf("%d parameters of %d methods: %d calls with one wrong argument, %d refused%n",
                parameters.size(), methods.size(), calls, refused);
        int first = calls;
        for (refused = 0; refused < refusals / 2 && System.nanoTime() - start < time.toNanos(); calls++) {
            refused += anyWrong(seed + calls);
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

    private void callWell(Executable method, Random random) {
        LayerSpec spec = Recipes.spec(method, random);
        try (World world = new World(directory, spec)) {
            Invocation call = new Recipes(world).call(method);
            Throwable refusal = call.refusal();
            if (refusal != null) {
                failures.add("a good call is refused: " + call + " of " + spec + ": " + refusal);
            }
        }
    }

    /** 1 if the call was refused. */
    private int oneWrong(long callSeed, Parameter parameter) {
        Random random = new Random(callSeed);
        try (World world = new World(directory, Recipes.spec(parameter.method, random))) {
            Invocation call = new Recipes(world).call(parameter.method);
            Class<?> type = parameter.method.getParameterTypes()[parameter.index];
            call.arguments()[parameter.index] = new Values(world, random).wrong(type);
            return misuse(callSeed, call, "argument " + parameter.index);
        } finally {
            checkNothingIsLeft(callSeed);
        }
    }

    /** 1 if the call was refused. */
    private int anyWrong(long callSeed) {
        Random random = new Random(callSeed);
        Executable method = methods.get(random.nextInt(methods.size()));
        try (World world = new World(directory, Recipes.spec(method, random))) {
            Invocation call = new Recipes(world).call(method);
            Values values = new Values(world, random);
            for (int i = 0; i < call.arguments().length; i++) {
                if (random.nextBoolean()) {
                    call.arguments()[i] = values.wrong(method.getParameterTypes()[i]);
                }
            }
            if (random.nextInt(3) == 0) {
                closeBehind(call.receiver(), world, random);
            }
            return misuse(callSeed, call, "any argument");
        } finally {
            checkNothingIsLeft(callSeed);
        }
    }

    /** Closes the receiver, or what it is of. */
    private static void closeBehind(@Nullable Object receiver, World world, Random random) {
        if (receiver instanceof BoundStep) {
            world.boundArena().close();
        } else if (receiver instanceof AutoCloseable) {
            World.close(random.nextBoolean() ? receiver : world.device());
        }
    }

    private int misuse(long callSeed, Invocation call, String what) {
        lastCall.note("seed " + callSeed + ": " + call + ", " + what);
        Throwable refusal = call.refusal();
        if (refusal != null && !Invocation.isDocumented(refusal)) {
            failures.add(call + " throws " + refusal + " (seed " + callSeed + ")");
        }
        return refusal == null ? 0 : 1;
    }

    private static void checkNothingIsLeft(long callSeed) {
        Usage usage = Library.usage();
        if (!usage.equals(LeakCheck.NOTHING)) {
            throw new IllegalStateException("seed " + callSeed + " leaves " + usage);
        }
    }
}
