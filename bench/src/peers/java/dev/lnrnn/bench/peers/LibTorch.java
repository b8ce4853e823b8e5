package dev.lnrnn.bench.peers;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.bench.compare.Contestant;
import dev.lnrnn.bench.compare.Entrant;
import dev.lnrnn.bench.compare.Entrant.Kind;
import dev.lnrnn.bench.compare.Mode;
import dev.lnrnn.bench.compare.Peer;
import dev.lnrnn.bench.compare.Results;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;

/** PyTorch's library through DJL: the function behind nn.LSTM, and the layer-normalised LSTM as a scripted loop. */
public final class LibTorch implements Peer {

    private Engine engine;
    private int threads;

    @Override
    public void start(int threads) throws IOException {
        this.threads = threads;
        // All it needs is in this jar: it is not to look elsewhere, and not to tell anybody.
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
        Path cache = Files.createTempDirectory("lnrnn-libtorch");
        System.setProperty("ENGINE_CACHE_DIR", cache.toString());
        System.setProperty("DJL_CACHE_DIR", cache.toString());
        try {
            engine = Engine.getEngine("PyTorch");
        } catch (EngineException e) {
            throw new BadInputException("libtorch cannot be loaded from this jar: " + e.getMessage());
        } finally {
            // Half a gigabyte; once loaded, the files are needed by nobody.
            delete(cache);
        }
    }

    @Override
    public Map<String, String> versions() {
        return Map.of("libtorch", engine.getVersion() + " through DJL " + Engine.getDjlVersion());
    }

    @Override
    public List<Entrant> entrants() {
        return List.of(
                new Entrant("libtorch LSTM", Kind.PLAIN, EnumSet.allOf(Mode.class),
                        (problem, mode) -> new TorchNetwork(engine, TorchScript.LSTM, problem, mode)),
                new Entrant("libtorch scripted loop", Kind.NORMALIZED, EnumSet.allOf(Mode.class),
                        (problem, mode) -> new TorchNetwork(engine, TorchScript.LAYER_NORMALISED_LOOP, problem, mode)));
    }

    @Override
    public Contestant product(int size, int threads) {
        JniUtils.setNumThreads(threads);
        return new Product(size);
    }

    private final class Product implements Contestant {

        private final NDManager manager = engine.newBaseManager();
        private final NDArray matrix;

        Product(int size) {
            matrix = manager.randomUniform(-1, 1, new Shape(size, size));
        }

        @Override
        public void run() {
            matrix.matMul(matrix).close();
        }

        @Override
        public double error(Results lnrnn) {
            throw new UnsupportedOperationException("a product of no network");
        }

        @Override
        public void close() {
            manager.close();
            JniUtils.setNumThreads(threads);
        }
    }

    private static void delete(Path directory) throws IOException {
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                Files.delete(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
