import { mount } from 'svelte';
import App from './App.svelte';
import './styles/base.css';
import { navigation } from './navigation.svelte';
import { theme } from './theme.svelte';

theme.apply(navigation.page.name === 'room');

const target = document.getElementById('app');
if (target) mount(App, { target });

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  navigator.serviceWorker.register('/sw.js').catch(() => {
    // Without it there is no offline page; everything else is as before.
  });
}
