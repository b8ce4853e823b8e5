package dev.lnrnn.misuse;

import dev.lnrnn.BackwardArguments;
import dev.lnrnn.DataType;
import dev.lnrnn.Device;
import dev.lnrnn.Direction;
import dev.lnrnn.ForwardArguments;
import dev.lnrnn.InferenceArguments;
import dev.lnrnn.Layer;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Library;
import dev.lnrnn.Pass;
import dev.lnrnn.StepArguments;
import dev.lnrnn.Stream;
import dev.lnrnn.TestDevice;
import dev.lnrnn.TrainingArguments;
import dev.lnrnn.TrainingPasses;
import dev.lnrnn.Usage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/**
 * Threads call good methods on the same objects, with the same buffers, while others close them, in a JVM of
 * its own ({@link RaceFuzzTest} starts it). Results may be anything, but not those of a layer that is left alone; the
 * process goes on, every refusal is one that the library documents, an interrupt stays where it is, and nothing native
 * is left.
 */
final class RaceFuzz {

    private static final int THREADS = 4;
    private static final int CALLS = 600;
    /** Those whose arrays are floats. */
    private static final List<DataType> FLOATS = List.of(DataType.F32, DataType.F16, DataType.BF16);

    private static final Object[] NOTHING = {};

    private final Path directory;
    private final LastCall lastCall;
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final LongAdder calls = new LongAdder();
    private final LongAdder refused = new LongAdder();
    /** A layer that nobody else touches: it gives the same bits, whatever others do. */
    private final Device device = TestDevice.open(1);
    private final Layer canary = device.createLayer(LayerSpec.lstm(Kinds.INPUTS, Kinds.HIDDEN)).initialize(1);
    private final float[] x = new float[Extents.STEPS * Extents.BATCH * Kinds.INPUTS];
    private final float[] song;
    private final Usage before;

    private RaceFuzz(Path directory) throws IOException {
        this.directory = directory;
        lastCall = LastCall.in(directory);
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) Math.sin(i);
        }
        song = sing();
        before = Library.usage();
    }

    private float[] sing() {
        return canary.forward(x, Extents.STEPS, Extents.BATCH).y();
    }

    /** Arguments: seed, seconds, an empty directory. Exit status 0 if nothing is wrong. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        long end = System.nanoTime() + Duration.ofSeconds(Long.parseLong(arguments[1])).toNanos();
        long seed = Long.parseLong(arguments[0]);
        RaceFuzz fuzz = new RaceFuzz(Path.of(arguments[2]));
        World.prepare(fuzz.directory);
        int rounds = 0;
        do {
            fuzz.round(seed + rounds++);
        } while (fuzz.failures.isEmpty() && System.nanoTime() < end);
        System.out.printf("%d rounds, %d calls, %d refused%n", rounds, fuzz.calls.sum(), fuzz.refused.sum());
        fuzz.failures.stream().distinct().limit(20).forEach(System.out::println);
        System.exit(fuzz.failures.isEmpty() ? 0 : 1);
    }

    private void round(long seed) throws InterruptedException {
        lastCall.note("races of seed " + seed);
        LayerSpec spec = Kinds.any(new Random(seed), FLOATS, List.of(Direction.FORWARD));
        try (World world = new World(directory, spec)) {
            List<Invocation> choices = choices(world);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                Random random = new Random(seed * THREADS + i);
                threads.add(Thread.ofPlatform().start(() -> callAtRandom(seed, choices, random)));
            }
            for (Thread thread : threads) {
                while (!thread.join(Duration.ofMillis(2))) {
                    if (!Arrays.equals(song, sing())) {
                        failures.add("seed " + seed + " changes what another layer computes");
                    }
                }
            }
        }
        Usage usage = Library.usage();
        if (!usage.equals(before)) {
            failures.add("seed " + seed + " leaves " + usage);
        }
    }

    private void callAtRandom(long seed, List<Invocation> choices, Random random) {
        for (int i = 0; i < CALLS; i++) {
            Invocation call = choices.get(random.nextInt(choices.size()));
            boolean closes = call.method().getName().equals("close");
            if (closes && random.nextInt(CALLS) != 0) {
                continue;
            }
            boolean interrupt = random.nextInt(8) == 0;
            if (interrupt) {
                Thread.currentThread().interrupt();
            }
            Throwable refusal = call.refusal();
            calls.increment();
            refused.add(refusal == null ? 0 : 1);
            if (refusal != null && !Invocation.isDocumented(refusal)) {
                failures.add(call + " throws " + refusal + " (seed " + seed + ")");
            }
            if (Thread.interrupted() != interrupt) {
                failures.add(call + (interrupt ? " loses an interrupt" : " interrupts its caller")
                        + " (seed " + seed + ")");
            }
        }
    }

    /**
     * Every method of what can be closed, and passes on a second stream, which share the buffers; binding more of them;
     * and the end of the arena that the step pass is in.
     */
    private static List<Invocation> choices(World world) {
        Recipes recipes = new Recipes(world);
        Stream other = world.device().defaultStream();
        List<Invocation> calls = new ArrayList<>();
        for (Executable method : MisuseFuzz.methods()) {
            if (method instanceof Method && !Recipes.isStatic(method)
                    && AutoCloseable.class.isAssignableFrom(method.getDeclaringClass())
                    && Recipes.types(method).containsAll(FLOATS)) {
                calls.add(recipes.call(method));
            }
        }
        TrainingPasses training = world.training(other).bind();
        for (Pass pass : List.of(world.inference(other).bind(), world.forward(training).bind(),
                world.backward(training).bind())) {
            calls.add(new Invocation(method(pass.getClass(), "run"), pass, NOTHING));
            calls.add(new Invocation(method(pass.getClass(), "close"), pass, NOTHING));
        }
        for (Class<?> arguments : List.of(InferenceArguments.class, StepArguments.class, TrainingArguments.class,
                ForwardArguments.class, BackwardArguments.class)) {
            calls.add(new Invocation(method(arguments, "bind"), world.the(arguments), NOTHING));
        }
        calls.add(new Invocation(method(Arena.class, "close"), world.boundArena(), NOTHING));
        return calls;
    }

    private static Method method(Class<?> type, String name) {
        try {
            return type.getMethod(name);
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }
}
