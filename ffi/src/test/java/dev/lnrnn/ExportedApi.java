package dev.lnrnn;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.lang.reflect.Executable;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What the module offers to others, read from its compiled classes. */
public final class ExportedApi {

    private ExportedApi() {}

    /** Packages that module-info exports to everybody. */
    public static Set<String> packages() {
        try (InputStream descriptor = Files.newInputStream(classes().resolve("module-info.class"))) {
            Set<String> packages = new TreeSet<>();
            ModuleDescriptor.read(descriptor).exports().stream()
                    .filter(exports -> !exports.isQualified())
                    .forEach(exports -> packages.add(exports.source()));
            return packages;
        } catch (IOException e) {
            throw new UncheckedIOException("module-info.class", e);
        }
    }

    /** Public classes of the exported packages, nested ones too. */
    public static List<Class<?>> types() {
        List<Class<?>> types = new ArrayList<>();
        for (String name : packages()) {
            try (Stream<Path> files = Files.list(classes().resolve(name.replace('.', '/')))) {
                files.map(file -> file.getFileName().toString())
                        .filter(file -> file.endsWith(".class") && !file.equals("package-info.class"))
                        .map(file -> type(name + "." + file.replace(".class", "")))
                        .filter(ExportedApi::isPublic)
                        .forEach(types::add);
            } catch (IOException e) {
                throw new UncheckedIOException(name, e);
            }
        }
        types.sort(Comparator.comparing(Class::getName));
        return types;
    }

    /** Public methods and constructors that those classes declare themselves. */
    public static List<Executable> methods() {
        List<Executable> methods = new ArrayList<>();
        for (Class<?> type : types()) {
            Stream.concat(Arrays.stream(type.getDeclaredConstructors()), Arrays.stream(type.getDeclaredMethods()))
                    .filter(method -> Modifier.isPublic(method.getModifiers()) && !method.isSynthetic())
                    .filter(method -> !Modifier.isAbstract(method.getModifiers()))
                    .sorted(Comparator.comparing(Executable::toGenericString))
                    .forEach(methods::add);
        }
        return methods;
    }

    private static boolean isPublic(Class<?> type) {
        return Modifier.isPublic(type.getModifiers())
                && (type.getEnclosingClass() == null || isPublic(type.getEnclosingClass()));
    }

    private static Class<?> type(String name) {
        try {
            return Class.forName(name, false, ExportedApi.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(name, e);
        }
    }

    /** Where the module's compiled classes are. */
    static Path classes() {
        try {
            return Path.of(Device.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException("the module's compiled classes cannot be found", e);
        }
    }
}
