package dev.lnrnn.misuse;

import dev.lnrnn.BackwardArguments;
import dev.lnrnn.CudaInfo;
import dev.lnrnn.ExportedApi;
import dev.lnrnn.ForwardArguments;
import dev.lnrnn.Graph;
import dev.lnrnn.InferenceArguments;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Library;
import dev.lnrnn.Plan;
import dev.lnrnn.StepArguments;
import dev.lnrnn.StepPass;
import dev.lnrnn.TestDevice;
import dev.lnrnn.TrainingPasses;
import dev.lnrnn.Usage;
import java.io.IOException;
import java.lang.reflect.Executable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Calls exported methods as nobody should, in a JVM of its own ({@link MisuseFuzzTest} starts it). First
 * every method is called well, then wrongly: with exactly one wrong argument, every parameter of every method in turn,
 * and with any. Each call has a small world of its own and must end in success or in an exception that the library
 * documents, and leave nothing native behind.
 */
final class MisuseFuzz {

    /** They take host memory in place. */
    private static final Set<String> ON_CPU =
            Set.of("DeviceBuffer.wrap(Device,MemorySegment)", "DeviceBuffer.wrapMapped(Device,MemorySegment)");

    /** Every method well, in so many kinds of layers. */
    private static final int GOOD_ROUNDS = TestDevice.EMULATED ? 1 : 2;
    /** More say no more. */
    private static final int MOST_FAILURES = 20;

    private final Path directory;
    private final LastCall lastCall;
    private final List<Executable> methods = methods();
    private final List<Parameter> parameters = parameters(methods);
    private final Pool pool;
    private final Usage before;
    private final Set<String> failures = new LinkedHashSet<>();

    private MisuseFuzz(Path directory, LastCall lastCall) {
        this.directory = directory;
        this.lastCall = lastCall;
        pool = new Pool(directory, methods);
        before = Library.usage();
    }

    /** Arguments: seed, seconds, an empty directory. Exit status 0 if nothing is wrong. */
    public static void main(String[] arguments) throws IOException {
        long start = System.nanoTime();
        Path directory = Path.of(arguments[2]);
        World.prepare(directory);
        MisuseFuzz fuzz = new MisuseFuzz(directory, LastCall.in(directory));
        fuzz.run(Long.parseLong(arguments[0]), start + Duration.ofSeconds(Long.parseLong(arguments[1])).toNanos());
        fuzz.failures.forEach(System.out::println);
        System.exit(fuzz.failures.isEmpty() ? 0 : 1);
    }

    /** All exported methods but those that the device has no use for. */
    static List<Executable> methods() {
        List<Executable> methods = new ArrayList<>(ExportedApi.methods());
        if (TestDevice.isCpu()) {
            methods.removeIf(method -> method.getDeclaringClass() == CudaInfo.class);
        } else {
            methods.removeIf(method -> ON_CPU.contains(Recipes.key(method)));
        }
        if (!TestDevice.captures()) {
            methods.removeIf(method -> method.getDeclaringClass() == Graph.class
                    || Recipes.key(method).equals("Stream.capture(Runnable)"));
        }
        return methods;
    }

    /**
     * Every parameter has its turn, however long that takes. What a call does depends on its seed alone, so that a run
     * from that one begins with it.
     */
    private void run(long seed, long end) {
        for (int round = 0; round < GOOD_ROUNDS; round++) {
            Random random = new Random(seed + round);
            methods.forEach(method -> callWell(method, random));
        }
        int one = 0;
        int oneRefused = 0;
        int any = 0;
        int anyRefused = 0;
        boolean late = false;
        while (failures.size() < MOST_FAILURES && (one < parameters.size() || !late)) {
            long callSeed = seed + one++;
            oneRefused += oneWrong(callSeed);
            if (!late) {
                any++;
                anyRefused += anyWrong(callSeed);
            }
            late = System.nanoTime() >= end;
        }
        System.out.printf("%d parameters of %d methods: %d calls with one wrong argument, %d refused%n",
                parameters.size(), methods.size(), one, oneRefused);
        System.out.printf("%d calls with any wrong arguments or closed receivers, %d refused%n", any, anyRefused);
    }

    private record Parameter(Executable method, int index) {}

    private static List<Parameter> parameters(List<Executable> methods) {
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
    private int oneWrong(long callSeed) {
        Parameter parameter = parameters.get(Math.floorMod(callSeed, parameters.size()));
        Random random = new Random(callSeed);
        try (World world = new World(directory, Recipes.spec(parameter.method, random))) {
            Invocation call = new Recipes(world).call(parameter.method);
            Class<?> type = parameter.method.getParameterTypes()[parameter.index];
            call.arguments()[parameter.index] = new Values(world, pool, random).wrong(type);
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
            Values values = new Values(world, pool, random);
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
        if (receiver instanceof StepPass && random.nextBoolean()) {
            world.boundArena().close();
        } else if (receiver instanceof AutoCloseable) {
            World.close(random.nextBoolean() ? receiver : world.device());
        } else if (receiver instanceof StepArguments || receiver instanceof InferenceArguments) {
            World.close(random.nextBoolean() ? world.the(Plan.class) : world.device());
        } else if (receiver instanceof ForwardArguments || receiver instanceof BackwardArguments) {
            World.close(random.nextBoolean() ? world.the(TrainingPasses.class) : world.device());
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

    private void checkNothingIsLeft(long callSeed) {
        Usage usage = Library.usage();
        if (!usage.equals(before)) {
            throw new IllegalStateException("seed " + callSeed + " leaves " + usage);
        }
    }
}
