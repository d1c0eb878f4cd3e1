// The rules for all TypeScript and Svelte of this repository. Layout is prettier's business; types
// are checked by tsc and svelte-check; here stands what neither sees.
import js from '@eslint/js';
import globals from 'globals';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';

const typed = ['packages/*/src/**/*.ts', 'packages/*/test/**/*.ts', 'e2e/**/*.ts'];

export default ts.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      '**/*.gen.ts',
      '**/.svelte-kit/**',
      'target/**',
      'data/**',
      'crates/**',
      'fuzz/**',
      'e2e/out/**',
      'bench/target/**',
      'packages/web/public/**',
    ],
  },
  js.configs.recommended,
  ...ts.configs.strict,
  ...ts.configs.stylistic,
  ...svelte.configs['flat/recommended'],
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'MemberExpression[property.name=/^(only|skip|todo|fixme)$/][object.name=/^(describe|it|test)$/]',
          message: 'Every test runs.',
        },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // An empty function is a plain way to say that nothing is to be done.
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    // A promise nobody waits for is a race; only typed linting sees it.
    files: typed,
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      // `let` is how Svelte declares props and state.
      'prefer-const': 'off',
      'svelte/no-at-html-tags': 'error',
      // The router is our own; addresses are plain.
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  {
    // Programs for a terminal speak on it.
    files: ['bench/**', 'scripts/**', 'e2e/**/*.mjs', '**/scripts/**'],
    rules: { 'no-console': 'off' },
  },
);
